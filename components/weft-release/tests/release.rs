//! What a device does with the signed description of a release, good and bad.

use semver::Version;
use serde_json::{Value, json};
use weft_release::{ARCHITECTURE, Admission, Device, Parts, Refusal, Release, admit, product, target};

const LENGTH: u64 = 129 * 4096;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn name() -> String {
    target("weft-kiosk", &version("1.3.0"), "root.erofs")
}

fn release() -> Release {
    Release {
        format: 1,
        product: product("kiosk"),
        architecture: ARCHITECTURE.to_owned(),
        version: version("1.3.0"),
        epoch: 4,
        minimum_version: version("1.1.0"),
        state_format: 2,
        root_hash: [0xab; 32],
        salt: vec![1, 2],
        block_size: 4096,
        data_blocks: 129,
        hash_bytes: 6 * 4096,
        waves: Vec::new(),
        allow_downgrade_from: Vec::new(),
        parts: Parts::of("weft-kiosk", &version("1.3.0")),
    }
}

fn device(running: &str, epoch: u64) -> Device {
    let architecture = ARCHITECTURE.to_owned();
    Device { product: "weft-kiosk".to_owned(), architecture, version: version(running), epoch }
}

#[test]
fn a_description_reads_back_and_its_hashes_are_hex() {
    let mut custom = release().to_custom().unwrap();
    assert_eq!(custom["root_hash"], "ab".repeat(32));
    assert_eq!(custom["parts"]["uki_b"], "weft-kiosk-1.3.0/uki-b.efi");
    assert_eq!(Release::from_custom(&name(), LENGTH, Some(&custom)).unwrap(), release());
    custom["waves"] = json!([{ "after": "2026-01-01T00:00:00+01:00", "percent": 5 }]);
    let waves = Release::from_custom(&name(), LENGTH, Some(&custom)).unwrap().waves;
    assert_eq!(waves[0].after, "2025-12-31T23:00:00Z".parse().unwrap());
}

#[test]
fn a_wrong_description_is_refused_and_the_field_named() {
    let refused = |field: &str, value: Value, said: &str| {
        let mut custom = release().to_custom().unwrap();
        custom[field] = value;
        let error = Release::from_custom(&name(), LENGTH, Some(&custom)).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let text = format!("{error}: {cause}");
        assert!(text.contains(said) && text.contains(&name()), "{field}: {text}");
    };
    refused("format", json!(2), "of format 2, and this system reads format 1");
    refused("version", json!("1.3.1"), "its name is weft-kiosk-1.3.0/root.erofs");
    refused("product", json!("weft-core"), "must be weft-core-1.3.0/root.erofs");
    refused("block_size", json!(1024), "block_size is 1024, and must be 4096");
    refused("data_blocks", json!(128), "must be 528384");
    refused("data_blocks", json!(u64::MAX), "must be 528384");
    refused("hash_bytes", json!(16384), "hash_bytes is 16384, and must be 24576");
    refused("salt", json!("ab".repeat(257)), "the length of the salt is 257");
    refused("root_hash", json!("abcd"), "malformed");
    refused("surprise", json!(1), "unknown field `surprise`");
    refused("waves", json!([{ "after": "2026-01-01T00:00:00Z", "percent": 0 }]), "0 % of the devices");
    let missing = Release::from_custom(&name(), LENGTH, None).unwrap_err().to_string();
    assert!(missing.contains("custom.weft"), "{missing}");
    let plus = Release { version: version("1.3.0+5"), ..release() };
    let error = plus.check("weft-kiosk-1.3.0+5/root.erofs", LENGTH).unwrap_err().to_string();
    assert!(error.contains("build metadata"), "{error}");
}

#[test]
fn only_what_is_meant_for_a_device_is_installed() {
    let admitted = |running, epoch| admit(&release(), &device(running, epoch));
    assert_eq!(admitted("1.2.0", 4), Ok(Admission::Upgrade));
    assert_eq!(admitted("1.1.0", 0), Ok(Admission::Upgrade));
    assert_eq!(admitted("1.3.0", 4), Ok(Admission::Current));
    assert_eq!(admitted("1.3.0-rc.1", 4), Ok(Admission::Upgrade));
    assert!(matches!(admitted("1.0.9", 4), Err(Refusal::TooOld { .. })));
    assert!(matches!(admitted("1.4.0", 4), Err(Refusal::Older { .. })));
    assert!(matches!(admitted("1.2.0", 5), Err(Refusal::Epoch { epoch: 4, blessed: 5, .. })));
    let other = Device { product: "weft-core".to_owned(), ..device("1.2.0", 4) };
    assert!(matches!(admit(&release(), &other), Err(Refusal::Product { .. })));
    let other = Device { architecture: "aarch64".to_owned(), ..device("1.2.0", 4) };
    assert!(matches!(admit(&release(), &other), Err(Refusal::Architecture { .. })));
}

#[test]
fn the_operators_word_allows_one_way_back() {
    let release = Release { allow_downgrade_from: vec![version("1.4.0")], ..release() };
    assert_eq!(admit(&release, &device("1.4.0", 9)), Ok(Admission::Downgrade));
    assert!(matches!(admit(&release, &device("1.4.1", 4)), Err(Refusal::Older { .. })));
    assert!(matches!(admit(&release, &device("1.4.1", 9)), Err(Refusal::Epoch { .. })));
    let other = Device { product: "weft-core".to_owned(), ..device("1.4.0", 9) };
    assert!(matches!(admit(&release, &other), Err(Refusal::Product { .. })));
}
