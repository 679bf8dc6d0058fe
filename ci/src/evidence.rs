//! What is kept of a machine whose test failed: its console is there already, here come the screen and the logs.

use crate::TestVm;
use std::path::Path;

/// Saves what can still be had; a machine that hangs gives less.
pub fn keep(vm: &mut TestVm) {
    let folder = vm.folder().to_owned();
    if let Some(Err(error)) = vm.running().map(|vm| vm.screenshot()?.write_png(&folder.join("screen.png"))) {
        note(&folder, &format!("no screenshot: {error}"));
    }
    match logs(vm, &folder.join("log")) {
        Ok(count) => note(&folder, &format!("{count} logs of the state partition kept")),
        Err(error) => note(&folder, &format!("no logs: {error:#}")),
    }
}

fn logs(vm: &mut TestVm, folder: &Path) -> anyhow::Result<usize> {
    let Some(agent) = vm.agent.as_mut() else { anyhow::bail!("the machine is not running") };
    std::fs::create_dir_all(folder)?;
    let names = agent.list("/state/log")?;
    for name in &names {
        std::fs::write(folder.join(name), agent.read(&format!("/state/log/{name}"))?)?;
    }
    Ok(names.len())
}

fn note(folder: &Path, text: &str) {
    eprintln!("{}: {text}", folder.display());
}
