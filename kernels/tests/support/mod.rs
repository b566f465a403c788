//! Adult as the tests read it.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use chancery_kernels::device::Device;
use chancery_kernels::tabular::TabularData;
use chancery_kernels::train::{Duration, TrainSpec, train};
use chancery_kernels::{TrainedModel, adult};

/// A file of the Adult folder, decompressed.
pub fn adult_bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/data/adult").join(name);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// All rows of a file of the Adult folder.
pub fn adult_table(name: &str) -> TabularData {
    let schema = adult::schema();
    TabularData::parse_csv(&adult_bytes(name), &schema, &schema.default_features()).unwrap()
}

/// The first rows of the training file.
pub fn small_table(rows: usize) -> TabularData {
    let text = String::from_utf8(adult_bytes("adult.data.gz")).unwrap();
    let head: Vec<&str> = text.lines().take(rows).collect();
    let schema = adult::schema();
    TabularData::parse_csv(head.join("\n").as_bytes(), &schema, &schema.default_features()).unwrap()
}

/// A small network after a few steps without privacy.
pub fn trained(data: &TabularData) -> TrainedModel {
    let spec = TrainSpec {
        hidden: vec![8],
        duration: Duration::Steps(20),
        batch_size_expected: 64,
        ..TrainSpec::with_features(data.feature_names().to_vec())
    };
    train(&spec, data, None, &Device::Cpu, &mut |_| ControlFlow::Continue(())).unwrap()
}
