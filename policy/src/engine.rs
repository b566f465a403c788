//! The only file that knows the Rego engine.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::{Engine, Value, utils::limits::ExecutionTimerConfig};

use crate::purity::IMPURE;

/// Name and version of the engine, as it stands in every decision.
pub(crate) const NAME: &str = "regorus 0.14.1";

/// Wall-clock limit of one query. A backstop only: facts and pack are bounded in size and Rego
/// always terminates, so a query takes far less. The engine offers no instruction limit; running
/// out of time is an error, an error denies, and so the clock can never turn a denial into an
/// allowance.
const QUERY_TIME: Duration = Duration::from_secs(2);

/// Work units between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(512).expect("512 is not zero");

/// A Rego engine with the pack's modules and nothing else: no data, no impure builtin.
///
/// Cloning shares the parsed and scheduled modules, so that a decision starts from a clone.
#[derive(Clone, Debug)]
pub(crate) struct Rego(Engine);

impl Rego {
    pub(crate) fn new() -> Result<Self, String> {
        let mut engine = Engine::new();
        // Otherwise a builtin that cannot make sense of its arguments is merely undefined, and
        // `not` would turn that into true.
        engine.set_strict_builtin_errors(true);
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: QUERY_TIME,
            check_interval: CHECK_INTERVAL,
        });
        for (builtin, arguments) in IMPURE {
            refuse(&mut engine, builtin, arguments)?;
        }
        Ok(Self(engine))
    }

    /// Adds a module and returns its package, such as `data.chancery.rules.x`.
    pub(crate) fn add(&mut self, file: &str, source: &str) -> Result<String, String> {
        self.0.add_policy(file.to_owned(), source.to_owned()).map_err(text)
    }

    /// Whether the module declares a rule of this name.
    pub(crate) fn declares(&self, file: &str, name: &str) -> Result<bool, String> {
        self.0.has_declared_rule_rooted_at(file, name).map_err(text)
    }

    pub(crate) fn set_input(&mut self, json: &str) -> Result<(), String> {
        self.0.set_input(Value::from_json_str(json).map_err(text)?);
        Ok(())
    }

    /// Evaluates one rule; `None` where it is undefined.
    pub(crate) fn eval(&mut self, path: &str) -> Result<Option<serde_json::Value>, String> {
        match self.0.eval_rule(path.to_owned()).map_err(text)? {
            Value::Undefined => Ok(None),
            value => serde_json::to_value(&value).map(Some).map_err(text),
        }
    }
}

/// A builtin was called that a decision must not depend on.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is refused, because a decision must repeat from its facts alone")]
struct Refused(&'static str);

fn refuse(engine: &mut Engine, builtin: &'static str, arguments: u8) -> Result<(), String> {
    let refusal = move |_: Vec<Value>| -> Result<Value, _> { Err(Refused(builtin).into()) };
    engine.add_extension(builtin.to_owned(), arguments, Box::new(refusal)).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("{error:#}").trim().to_owned()
}
