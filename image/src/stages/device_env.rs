//! The environment in which cargo builds device code: the pinned sysroot for the device, the host for build scripts and macros.

use super::sysroot::Sysroot;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The device's Rust target.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Everything that decides what the compiler makes of a source, and nothing else: the same values give the same bytes, whoever
/// builds and wherever the checkout is.
pub struct DeviceEnv {
    variables: Vec<(&'static str, String)>,
}

impl DeviceEnv {
    pub fn new(sysroot: &Sysroot, cache: &Path, target_folder: &Path, extra_rust_flags: &str) -> Self {
        let root = sysroot.path.display();
        let cargo = cargo_home();
        let (cargo, cache) = (cargo.display(), cache.display());
        let prefixes = format!("-ffile-prefix-map={cargo}=/cargo -ffile-prefix-map={cache}=/weft");
        let rust_flags = format!(
            "-Clinker=clang-19 -Clink-arg=--sysroot={root} -Clink-arg=-fuse-ld=lld -Clink-arg=-Wl,--build-id=none \
             --remap-path-prefix={cargo}=/cargo --remap-path-prefix={cache}=/weft{extra_rust_flags}"
        );
        let variables = vec![
            ("CC", format!("{root}/weft-cc")),
            ("CXX", format!("{root}/weft-c++")),
            ("AR", "llvm-ar-19".to_owned()),
            ("RANLIB", "llvm-ranlib-19".to_owned()),
            ("CLANG_PATH", "/usr/bin/clang-19".to_owned()),
            ("LIBCLANG_PATH", "/usr/lib/llvm-19/lib".to_owned()),
            ("MOZJS_FROM_SOURCE", "1".to_owned()),
            ("CFLAGS", prefixes.clone()),
            ("CXXFLAGS", prefixes),
            ("BINDGEN_EXTRA_CLANG_ARGS", format!("--sysroot={root}")),
            ("PKG_CONFIG_SYSROOT_DIR", root.to_string()),
            (
                "PKG_CONFIG_LIBDIR",
                format!("{root}/usr/lib/x86_64-linux-gnu/pkgconfig:{root}/usr/share/pkgconfig"),
            ),
            ("PKG_CONFIG_ALLOW_CROSS", "1".to_owned()),
            ("RUSTFLAGS", rust_flags),
            ("CARGO_TARGET_DIR", target_folder.display().to_string()),
        ];
        Self { variables }
    }

    /// `cargo build` in `folder` for the device, to be given packages.
    pub fn cargo_build(&self, folder: &Path) -> Command {
        let mut command = host_cargo(folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(["build", "--locked", "--target", TARGET]);
        command
    }

    /// The variables as text, for keys.
    pub fn text(&self) -> String {
        self.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

/// Cargo for the host, free of what the calling cargo or the person's shell put into the environment.
pub fn host_cargo(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let inherited = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_PROFILE_");
        if inherited || CLEARED.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command
}

/// Variables that would change what is compiled.
const CLEARED: [&str; 12] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "OUT_DIR",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "SOURCE_DATE_EPOCH",
];

/// Where cargo keeps the sources of crates.
fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map(PathBuf::from).unwrap_or_else(home)
}

/// `rustc -vV`: a part of every key, since another compiler makes other code.
pub fn rustc_version() -> Result<String, crate::tool::Error> {
    crate::tool::query("asking rustc for its version", Command::new("rustc").arg("-vV"))
}
