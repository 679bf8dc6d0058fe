//! The provider of cryptography that Servo's network thread wants, although nothing here ever gets to the network.

use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, aws_lc_rs};
use std::io::Read;

/// Random numbers from the kernel. AWS-LC would first measure the processor's jitter, which takes longer than loading a page.
#[derive(Debug)]
struct Kernel;

impl SecureRandom for Kernel {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        let mut device = std::fs::File::open("/dev/urandom").map_err(|_| GetRandomFailed)?;
        device.read_exact(bytes).map_err(|_| GetRandomFailed)
    }
}

/// Installs the provider, unless there is one.
pub fn install() {
    let provider = CryptoProvider { secure_random: &Kernel, ..aws_lc_rs::default_provider() };
    // An error says that a provider was installed before: as good.
    let _ = provider.install_default();
}
