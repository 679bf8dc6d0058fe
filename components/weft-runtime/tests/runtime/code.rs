//! Compiled code: the device's own and nothing else.

use crate::harness::{World, component};
use std::path::PathBuf;
use weft_component::Module;
use weft_component::code::{Key, seal};
use weft_runtime::Exit;

struct Sealed {
    world: World,
    file: Vec<u8>,
}

impl Sealed {
    fn new() -> Self {
        let world = World::new(&component("(i32.const 0)"));
        let module = Module::read(&world.module()).unwrap();
        let file = seal(&Key::new([1; 32]), &module.hash, &world.code());
        std::fs::write(world.path("key"), [1; 32]).unwrap();
        std::fs::write(world.path("other-key"), [2; 32]).unwrap();
        Self { world, file }
    }

    fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    #[track_caller]
    fn verdict(&self, file: &[u8], exit: Exit, why: &str) {
        std::fs::write(self.world.path("code.cwasm"), file).unwrap();
        let options = ["--compiled", &self.path("code.cwasm"), "--compiled-key", &self.path("key")];
        self.world.run(&options).is(exit, why);
    }
}

#[test]
fn what_the_device_sealed_runs_and_anything_else_is_refused_before_it_is_loaded() {
    let sealed = Sealed::new();
    let file = sealed.file.clone();
    sealed.verdict(&file, Exit::Done, "");
    let changed = |place: usize| {
        let mut changed = file.clone();
        changed[place] ^= 1;
        changed
    };
    let middle = 96 + (file.len() - 96) / 2;
    for place in [64, 96, middle, file.len() - 1] {
        sealed.verdict(&changed(place), Exit::BadCode, "was not made by this device, or was changed since");
    }
    sealed.verdict(&file[..file.len() - 1], Exit::BadCode, "compile the app again");
    sealed.verdict(&file[..40], Exit::BadCode, "is not code of this system");
    sealed.verdict(b"", Exit::BadCode, "is not code of this system");
    sealed.verdict(&changed(9), Exit::BadCode, "is for another version of Wasmtime");
    sealed.verdict(&changed(33), Exit::BadCode, "belongs to another module");
    // Code without a seal, as in the root image, is not taken from elsewhere.
    sealed.verdict(&sealed.world.code(), Exit::BadCode, "is not code of this system");
}

#[test]
fn another_devices_code_and_a_link_are_refused() {
    let sealed = Sealed::new();
    std::fs::write(sealed.world.path("code.cwasm"), &sealed.file).unwrap();
    let run = |code: &str, key: &str| {
        sealed.world.run(&["--compiled", &sealed.path(code), "--compiled-key", &sealed.path(key)])
    };
    run("code.cwasm", "other-key").is(Exit::BadCode, "was not made by this device");
    std::os::unix::fs::symlink(sealed.world.path("code.cwasm"), sealed.world.path("link.cwasm")).unwrap();
    run("link.cwasm", "key").is(Exit::Host, "link.cwasm");
    run("nothing.cwasm", "key").is(Exit::Host, "nothing.cwasm");
    run("code.cwasm", "code.cwasm").is(Exit::BadCode, "is not 32 bytes long");
    let unkeyed = sealed.world.run(&["--compiled", &sealed.path("code.cwasm")]);
    assert_eq!(unkeyed.0.status.code(), Some(Exit::Usage as i32));
}

#[test]
fn a_key_may_come_by_a_descriptor() {
    use std::os::fd::AsRawFd;
    let sealed = Sealed::new();
    std::fs::write(sealed.world.path("code.cwasm"), &sealed.file).unwrap();
    let key = std::fs::File::open(sealed.world.path("key")).unwrap();
    rustix::io::fcntl_setfd(&key, rustix::io::FdFlags::empty()).unwrap();
    let number = key.as_raw_fd().to_string();
    let options = ["--compiled", &sealed.path("code.cwasm"), "--compiled-key-fd", &number];
    sealed.world.run(&options).is(Exit::Done, "");
}

#[test]
fn damaged_code_of_the_root_image_and_missing_code_are_told_apart() {
    let world = World::new(&component("(i32.const 0)"));
    let folder: PathBuf = world.path("compiled");
    std::fs::create_dir(&folder).unwrap();
    let run = || {
        let mut command = world.session(&[]);
        command.env("WEFT_COMPILED_DIR", &folder);
        crate::harness::Outcome(command.output().unwrap())
    };
    run().is(Exit::NotCompiled, "make it with `weft-compile");
    let code = world.code();
    let place = folder.join(Module::read(&world.module()).unwrap().code_name());
    std::fs::write(&place, &code).unwrap();
    run().is(Exit::Done, "");
    std::fs::write(&place, &code[..code.len() / 2]).unwrap();
    run().is(Exit::BadCode, "does not fit this runtime: compile it again");
}
