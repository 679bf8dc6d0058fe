//! A component made of C, for the tests: Debian's clang and WASI C library, bindings by `wit-bindgen`, linked by `wasm-component-ld`.

use super::scripted_app::compile;
use super::wasm_toolchain::component_linker;
use super::{Context, Error, sysroot};
use crate::key::{Key, sha256_file};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "ci/probes/c";
const WORLD: &str = "probe";
/// Makes C of WIT. Debian does not package it.
const BINDGEN: &str = "0.57.1";
const TARGET: &str = "wasm32-wasip2";
/// The stack size and other limits of a session that asks for nothing.
const MANIFEST: &str = "[package]\nid = \"org.weft.test.c\"\nname = \"C\"\nversion = \"1.0.0\"\n[runtime]\nmodule = \"app.wasm\"\n";

/// Builds the probe: the folder of `app.wasm` and `compiled/<sha256>.cwasm`.
pub fn build(context: &Context<'_>, sources: &Path) -> Result<PathBuf, Error> {
    let library = sysroot::unpack(context, "wasi-c")?;
    let folder = sources.join(SOURCES);
    let mut key = Key::new("c-component")
        .text("library", &library.key)
        .text("bindgen", BINDGEN)
        .tree("sources", &folder)?
        .file("lock", &sources.join("Cargo.lock"))?;
    for compiler in ["weft-compile", "weft-component", "weft-manifest"] {
        key = key.tree(compiler, &sources.join("components").join(compiler))?;
    }
    let bindgen = bindgen(context)?;
    let linker = component_linker(context)?;
    context.output("c-component", &key.finish(), |tools, output| {
        let work = context.cache.temporary("c-sources")?;
        let mut command = Command::new(&bindgen);
        command.arg("c").arg(folder.join("wit")).args(["--world", WORLD, "--out-dir"]).arg(&work);
        tools.run("making the bindings of the C component", &mut command)?;

        let root = library.path.join("usr");
        let mut objects = vec![work.join(format!("{WORLD}_component_type.o"))];
        for (name, source) in
            [("main", folder.join("probe.c")), ("bindings", work.join(format!("{WORLD}.c")))]
        {
            let object = work.join(name).with_extension("o");
            let mut command = Command::new("clang-19");
            command.args([&format!("--target={TARGET}"), "-Os", "-Wall", "-c"]).arg(source);
            command.arg("-isystem").arg(root.join("include").join(TARGET)).arg("-I").arg(&work);
            tools.run("compiling the C component", command.arg("-o").arg(&object))?;
            objects.push(object);
        }

        let module = output.join("app.wasm");
        let libraries = root.join("lib").join(TARGET);
        let mut command = Command::new(&linker);
        command.args(["--wasm-ld-path", "/usr/bin/wasm-ld-19", "-m", "wasm32"]);
        command.arg("-L").arg(&libraries).arg(libraries.join("crt1-command.o")).args(&objects).arg("-lc");
        command.arg(root.join("lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a"));
        tools.run("linking the C component", command.arg("-o").arg(&module))?;

        let manifest = work.join("wapp.toml");
        super::write_file(&manifest, MANIFEST)?;
        let compiler = super::native::program(context, tools, sources, "weft-compile")?;
        let code = output.join("compiled").join(format!("{}.cwasm", sha256_file(&module)?));
        compile(tools, &compiler, &module, &manifest, &code)
    })
}

/// The program `wit-bindgen`, built once.
fn bindgen(context: &Context<'_>) -> Result<PathBuf, Error> {
    super::wasm_toolchain::install(
        context,
        "wit-bindgen-cli",
        BINDGEN,
        &["--no-default-features", "--features", "c"],
    )
    .map(|folder| folder.join("bin/wit-bindgen"))
}
