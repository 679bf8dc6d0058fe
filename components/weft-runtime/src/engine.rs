//! The engine's configuration: one function for the program that compiles and the program that runs, or Wasmtime refuses the code.

use wasmtime::{Config, Engine, Result};

/// Stack of the component.
const WASM_STACK: usize = 512 << 10;
/// Stack of the fiber that the component and its host calls run on.
const FIBER_STACK: usize = 2 << 20;

/// The engine of this program. The target is named, so that code is compiled for the baseline of x86-64 and not for the processor that
/// happens to compile.
pub fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        .target("x86_64-unknown-linux-gnu")?
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBER_STACK);
    Engine::new(&config)
}
