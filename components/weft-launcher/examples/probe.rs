//! Stands in for the programs of sessions: says what it is and sees. `wait` makes it stay, `write FILE` writes a file.

use std::fs;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for field in ["Uid", "Gid", "Groups", "CapEff", "CapBnd", "NSpid"] {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
        println!("{}", line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", file] => println!("write {:?}", fs::write(file, "x").map_err(|error| error.kind())),
        ["list", folder] => {
            let names = fs::read_dir(folder).map(|entries| {
                entries
                    .flatten()
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
                    .collect::<Vec<_>>()
            });
            println!("list {:?}", names.map_err(|error| error.kind()));
        }
        ["wait"] => {
            println!("waiting");
            loop {
                std::thread::park();
            }
        }
        ["fail"] => std::process::exit(7),
        _ => println!("{arguments:?}"),
    }
}
