//! What surrounds every page: title, navigation, who is signed in, notices.

use super::assets;
use super::format::words;
use crate::store::principal::Session;

/// The frame of a page.
#[derive(Debug)]
pub struct Shell {
    /// Heading and title.
    pub title: String,
    /// Style sheet.
    pub style: &'static str,
    /// Icon.
    pub seal: &'static str,
    /// Scripts.
    pub scripts: Vec<&'static str>,
    /// Navigation; empty before sign-in.
    pub sections: Vec<SectionLink>,
    /// Who is signed in.
    pub visitor: Option<VisitorView>,
    /// What was just done.
    pub notice: Option<&'static str>,
}

/// Who is signed in, for the page's head.
#[derive(Debug)]
pub struct VisitorView {
    /// Display name.
    pub name: String,
    /// Roles as prose.
    pub roles: String,
    /// Goes into every form.
    pub csrf: String,
}

/// A link of the navigation.
#[derive(Debug)]
pub struct SectionLink {
    /// Address.
    pub address: &'static str,
    /// Text.
    pub label: &'static str,
    /// Whether the reader is there.
    pub current: bool,
}

/// Parts of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// No part of the navigation.
    None,
    /// Key figures.
    Overview,
    /// Models and verdicts.
    Review,
    /// Jobs.
    Jobs,
    /// What answers.
    Deployments,
    /// Datasets and systems.
    Datasets,
    /// Privacy budgets.
    Budgets,
    /// The record.
    Events,
}

const SECTIONS: [(Section, &str, &str); 7] = [
    (Section::Overview, "/", "Overview"),
    (Section::Review, "/review", "Review"),
    (Section::Jobs, "/jobs", "Jobs"),
    (Section::Deployments, "/deployments", "Deployments"),
    (Section::Datasets, "/datasets", "Datasets"),
    (Section::Budgets, "/budgets", "Budgets"),
    (Section::Events, "/events", "Events"),
];

/// What a form did, carried to the next page by name, so that nobody can put words there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A verdict was recorded.
    VerdictRecorded,
    /// A model was deployed.
    Deployed,
    /// A deployment was stopped.
    Stopped,
    /// A job was cancelled, or will be.
    Cancelled,
    /// The session ended.
    SignedOut,
}

impl Notice {
    /// Name in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VerdictRecorded => "verdict_recorded",
            Self::Deployed => "deployed",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::SignedOut => "signed_out",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::VerdictRecorded => "Your signed verdict is on record.",
            Self::Deployed => "The model is deployed, and the decision is on record.",
            Self::Stopped => "The deployment is stopped. It answers no more.",
            Self::Cancelled => "The job is cancelled, or will be at its next step.",
            Self::SignedOut => "You are signed out.",
        }
    }
}

/// `?notice=…` of a page.
#[derive(Debug, Default, serde::Deserialize)]
pub struct NoticeQuery {
    /// What was just done.
    pub notice: Option<Notice>,
}

impl Shell {
    /// For somebody who is signed in.
    pub fn new(title: impl Into<String>, section: Section, session: &Session) -> Self {
        let roles: Vec<String> = session.principal.roles.iter().map(|role| words(role)).collect();
        let visitor = VisitorView {
            name: session.principal.name.clone(),
            roles: roles.join(", "),
            csrf: session.csrf_token.clone(),
        };
        Self { visitor: Some(visitor), ..Self::without_visitor(title, section) }
    }

    /// With navigation, for a page that does not know who reads it.
    pub fn without_visitor(title: impl Into<String>, section: Section) -> Self {
        let link = |&(of, address, label): &(Section, &'static str, &'static str)| SectionLink {
            address,
            label,
            current: of == section,
        };
        Self {
            title: title.into(),
            style: &assets::STYLE,
            seal: &assets::SEAL,
            scripts: Vec::new(),
            sections: SECTIONS.iter().map(link).collect(),
            visitor: None,
            notice: None,
        }
    }

    /// Before sign-in: nothing to navigate to yet.
    pub fn outside(title: impl Into<String>) -> Self {
        Self { sections: Vec::new(), ..Self::without_visitor(title, Section::None) }
    }

    /// With a script.
    #[must_use]
    pub fn script(mut self, address: &'static str) -> Self {
        self.scripts.push(address);
        self
    }

    /// With a notice of what was just done.
    #[must_use]
    pub fn noticing(mut self, query: &NoticeQuery) -> Self {
        self.notice = query.notice.map(Notice::text);
        self
    }

    /// The token that goes into forms.
    pub fn csrf(&self) -> &str {
        self.visitor.as_ref().map(|visitor| visitor.csrf.as_str()).unwrap_or_default()
    }
}
