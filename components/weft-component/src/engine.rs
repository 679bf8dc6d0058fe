//! The engine's configuration: one function for the program that compiles and the program that runs, or Wasmtime refuses the code.

use wasmtime::{Config, Engine, Result};

/// The version of Wasmtime, which compiled code is bound to.
pub const WASMTIME: &str = "48.0.8";
/// Stack of a component that has no other limit, in bytes.
pub const DEFAULT_STACK: usize = 512 << 10;
/// What the calls of the host may use of the fiber's stack beyond the component's.
const HOST_STACK: usize = 1536 << 10;

/// An engine for components with `stack` bytes of stack. The target is named, so that code is compiled for the baseline of x86-64 and
/// not for the processor that happens to compile.
pub fn engine(stack: usize) -> Result<Engine> {
    let mut config = Config::new();
    config
        .target("x86_64-unknown-linux-gnu")?
        .epoch_interruption(true)
        .consume_fuel(true)
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK);
    Engine::new(&config)
}

#[cfg(test)]
mod tests {
    use super::WASMTIME;

    #[test]
    fn the_version_is_the_locked_one() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(
            lock.contains(&format!("name = \"wasmtime\"\nversion = \"{WASMTIME}\"\n")),
            "change WASMTIME"
        );
    }
}
