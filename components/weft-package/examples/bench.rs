//! How long it takes to check and verify a package of 10 MB: `cargo run --release -p weft-package --example bench`.
//!
//! Prints one JSON object of milliseconds, the medians of 15 runs. The package is half component, half pages and pictures.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Instant;
use weft_package::key::SecretKey;
use weft_package::store::Options;
use weft_package::{Inventory, Places, Scratch, Store, check, launch, signature};

const BYTES: usize = 10_000_000;
const RUNS: usize = 15;
const ID: &str = "org.weft.bench.package";

fn main() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::create()?;
    let root = scratch.path();
    let folder = root.join("package");
    make(&folder)?;
    let key = SecretKey::from_seed(&[7; 32]);
    signature::sign(&folder, &key)?;
    let bytes = Inventory::of_folder(&folder)?.bytes();
    let places = Places {
        stores: vec![root.join("apps")],
        system: root.join("system"),
        trusted_keys: vec![root.join("keys")],
        data: root.join("data"),
    };
    fs::create_dir_all(root.join("keys"))?;
    fs::write(root.join("keys/bench.pub"), key.public().to_hex())?;
    let public = [key.public()];

    let check_ms = median(|| {
        let report = check::contents(&folder, &folder)?;
        let signer = signature::find_signer(&folder, &report.inventory, &public)?;
        Ok(signer.is_some())
    })?;
    Store::new(&places).install(&folder, Options::default())?;
    let id = ID.parse()?;
    let launch_ms = median(|| Ok(launch::open(&places, &id)?.lock.is_some()))?;
    println!(
        "{{\"package_bytes\": {bytes}, \"check_and_verify_ms\": {check_ms:.2}, \"verify_at_launch_ms\": {launch_ms:.2}}}"
    );
    Ok(())
}

fn median(mut run: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        if !run()? {
            return Err("the package is not taken for good".into());
        }
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(RUNS / 2).copied().unwrap_or(f64::NAN))
}

fn make(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder.join("ui"))?;
    fs::write(
        folder.join("wapp.toml"),
        format!(
            "[package]\nid = \"{ID}\"\nname = \"Bench\"\nversion = \"1.0.0\"\n[runtime]\nmodule = \"app.wasm\"\n"
        ),
    )?;
    let module = component(BYTES / 2)?;
    let rest = BYTES - module.len();
    fs::write(folder.join("app.wasm"), module)?;
    for number in 0..50u32 {
        let noise =
            (0..rest as u32 / 50).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(number) >> 13) as u8);
        fs::write(folder.join(format!("ui/{number}.bin")), noise.collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// A component of about so many bytes of code.
fn component(bytes: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut functions = String::new();
    for number in 0..bytes / 430 {
        write!(functions, "(func (param i32 i32) (result i32) local.get 0")?;
        for step in 0..70 {
            write!(functions, " local.get 1 i32.const {} i32.add i32.xor", 1000 + (number + step) % 7000)?;
        }
        functions.push_str(")\n");
    }
    let text = format!(
        "(component (import \"weft:app/notify@0.2.0\" (instance (export \"ready\" (func)))) (core module {functions}))"
    );
    Ok(wat::parse_str(text)?)
}
