//! Puts a certificate into an empty UEFI variable store, as the owner of a machine does in its firmware's setup: platform key, key exchange
//! key and `db`. From then on the firmware starts only what is signed by it.
//!
//! Layout: EDK II's `VariableFormat.h` (authenticated variables) inside a firmware volume of the *Platform Initialization
//! Specification*, volume 3; signature lists: UEFI Specification, section 32.4.1.

use super::{Error, Result};
use std::path::Path;
use uuid::{Uuid, uuid};

const GLOBAL: Uuid = uuid!("8be4df61-93ca-11d2-aa0d-00e098032b8c");
const IMAGE_SECURITY_DATABASE: Uuid = uuid!("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
const X509: Uuid = uuid!("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
const AUTHENTICATED_STORE: Uuid = uuid!("aaf32c78-947b-439a-a180-2e144ec37792");
/// Whose signatures these are; anything that is not another's.
const OWNER: Uuid = uuid!("3b2f1c52-6a0e-4b0c-9c55-776566740001");

/// Where a firmware volume says how long its header is.
const HEADER_LENGTH: usize = 0x30;
const STORE_HEADER: usize = 28;
const VARIABLE_HEADER: usize = 60;
const START: [u8; 2] = [0xaa, 0x55];
/// A variable that is whole and was not replaced.
const ADDED: u8 = 0x3f;
/// Non-volatile, for boot services and the running system, changed by signed writes only.
const ATTRIBUTES: u32 = 0x27;

/// Makes `certificate` (PEM) the only one whose programs a machine with these variables starts.
pub fn enrol(variables: &mut [u8], certificate: &Path) -> Result<()> {
    let text = std::fs::read(certificate).map_err(super::file_error("read", certificate))?;
    let not_pem = || Error::NotACertificate { path: certificate.to_owned() };
    let block = pem::parse(&text).ok().filter(|block| block.tag() == "CERTIFICATE").ok_or_else(not_pem)?;
    let list = signature_list(block.contents());
    let mut at = empty_store(variables).ok_or(Error::NotAVariableStore)?;
    // The platform key last: with it the machine leaves setup mode.
    for (name, vendor) in [("db", IMAGE_SECURITY_DATABASE), ("KEK", GLOBAL), ("PK", GLOBAL)] {
        let variable = variable(name, vendor, &list);
        let place = variables.get_mut(at..at + variable.len()).ok_or(Error::NotAVariableStore)?;
        place.copy_from_slice(&variable);
        at = (at + variable.len()).next_multiple_of(4);
    }
    Ok(())
}

/// Where the first variable goes in a store that has none.
fn empty_store(variables: &[u8]) -> Option<usize> {
    let field = variables.get(HEADER_LENGTH..HEADER_LENGTH + 2)?;
    let store = usize::from(u16::from_le_bytes(field.try_into().ok()?));
    let is_store = variables.get(store..store + 16)? == AUTHENTICATED_STORE.to_bytes_le();
    let first = store + STORE_HEADER;
    let is_empty = variables.get(first..first + VARIABLE_HEADER)?.iter().all(|byte| *byte == 0xff);
    (is_store && is_empty).then_some(first)
}

/// An EFI_SIGNATURE_LIST of one certificate in DER.
fn signature_list(certificate: &[u8]) -> Vec<u8> {
    let entry = 16 + certificate.len() as u32;
    let mut list = X509.to_bytes_le().to_vec();
    for number in [28 + entry, 0, entry] {
        list.extend(number.to_le_bytes());
    }
    list.extend(OWNER.to_bytes_le());
    list.extend(certificate);
    list
}

/// An AUTHENTICATED_VARIABLE_HEADER with name and data.
fn variable(name: &str, vendor: Uuid, data: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let mut bytes = START.to_vec();
    bytes.extend([ADDED, 0]);
    bytes.extend(ATTRIBUTES.to_le_bytes());
    // The monotonic count, and the time of the last write, 2026-01-01: a later signed write may replace it.
    bytes.extend([0; 8]);
    bytes.extend([0xea, 0x07, 1, 1]);
    bytes.extend([0; 12]);
    // The index of the public key is of an older format.
    for number in [0, name.len() as u32, data.len() as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(vendor.to_bytes_le());
    bytes.extend(name);
    bytes.extend(data);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(size: usize) -> Vec<u8> {
        let mut bytes = vec![0xff; size];
        bytes[HEADER_LENGTH..HEADER_LENGTH + 2].copy_from_slice(&[0x48, 0]);
        bytes[0x48..0x58].copy_from_slice(&AUTHENTICATED_STORE.to_bytes_le());
        bytes
    }

    #[test]
    fn three_variables_follow_each_other_at_multiples_of_four() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.crt");
        std::fs::write(&path, pem::encode(&pem::Pem::new("CERTIFICATE", vec![7; 801]))).unwrap();
        let mut bytes = store(8192);
        enrol(&mut bytes, &path).unwrap();
        let mut at = 0x48 + STORE_HEADER;
        for (name, size) in [("db", 6), ("KEK", 8), ("PK", 6)] {
            assert_eq!((&bytes[at..at + 2], bytes[at + 2]), (&START[..], ADDED), "{name}");
            let data = 28 + 16 + 801;
            assert_eq!(bytes[at + 36..at + 40], (size as u32).to_le_bytes());
            assert_eq!(bytes[at + 40..at + 44], (data as u32).to_le_bytes());
            at = (at + VARIABLE_HEADER + size + data).next_multiple_of(4);
        }
        assert_eq!(bytes[at], 0xff);
        assert!(
            matches!(enrol(&mut bytes, &path), Err(Error::NotAVariableStore)),
            "it is not empty any more"
        );
    }

    #[test]
    fn what_is_no_certificate_or_no_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.crt");
        std::fs::write(&path, "nothing").unwrap();
        let error = enrol(&mut store(8192), &path).unwrap_err().to_string();
        assert!(error.contains("test.crt"), "{error}");
        std::fs::write(&path, pem::encode(&pem::Pem::new("CERTIFICATE", vec![7; 801]))).unwrap();
        assert!(matches!(enrol(&mut store(1024), &path), Err(Error::NotAVariableStore)));
        assert!(matches!(enrol(&mut [0; 200], &path), Err(Error::NotAVariableStore)));
    }
}
