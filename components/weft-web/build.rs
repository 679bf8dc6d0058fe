//! How the engine is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_SERVO_EMBED").is_some() {
        // 170 000 relative relocations: a bitmap of them is a fortieth of the table, to store and to read at every start.
        // Both linkers that build this know the option; the device's glibc knows the format since 2.36.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
