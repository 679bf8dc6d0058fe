//! Files and variables.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use weft_probes::{failed, serve};

fn main() {
    let mut open = Vec::new();
    serve(move |words| obey(words, &mut open))
}

fn obey(words: &[&str], open: &mut Vec<File>) -> Result<String, String> {
    match words {
        ["read", path] => fs::read_to_string(path).map_err(failed),
        ["write", path, bytes] => fs::write(path, "x".repeat(number(bytes)?)).map(done).map_err(failed),
        ["append", path, bytes] => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let text = "x".repeat(number(bytes)?);
            file.and_then(|mut file| file.write_all(text.as_bytes())).map(done).map_err(failed)
        }
        ["overwrite", path, times] => overwrite(path, number(times)?).map(done).map_err(failed),
        ["sparse", path, bytes] => {
            let file = File::create(path).map_err(failed)?;
            file.set_len(number(bytes)? as u64).map(done).map_err(failed)
        }
        ["names", folder, count] => {
            for index in 0..number(count)? {
                File::create(format!("{folder}/name{index}")).map_err(failed)?;
            }
            Ok(String::new())
        }
        ["hold", path, count] => {
            for _ in 0..number(count)? {
                open.push(File::open(path).map_err(failed)?);
            }
            Ok(open.len().to_string())
        }
        ["symlink", to, path] => symlink(to, path).map(done).map_err(failed),
        ["link", from, to] => fs::hard_link(from, to).map(done).map_err(failed),
        ["rename", from, to] => fs::rename(from, to).map(done).map_err(failed),
        ["remove", path] => fs::remove_file(path).map(done).map_err(failed),
        ["mkdir", path] => fs::create_dir(path).map(done).map_err(failed),
        ["list", path] => {
            let entries = fs::read_dir(path).map_err(failed)?.flatten();
            let mut names: Vec<_> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            Ok(names.join(" "))
        }
        ["env"] => {
            Ok(std::env::vars().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
        }
        ["print", text] => {
            println!("{text}");
            Ok(String::new())
        }
        ["exit", code] => std::process::exit(number(code)? as i32),
        _ => Err("no such order".to_owned()),
    }
}

/// Writes the same 4 KiB again and again.
fn overwrite(path: &str, times: usize) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for _ in 0..times {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[b'y'; 4096])?;
    }
    let mut back = Vec::new();
    File::open(path)?.read_to_end(&mut back)?;
    assert_eq!(back.len(), 4096);
    Ok(())
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn done(_: ()) -> String {
    String::new()
}

unsafe extern "C" {
    #[link_name = "symlink"]
    fn c_symlink(to: *const std::ffi::c_char, path: *const std::ffi::c_char) -> i32;
}

/// The standard library's own is not stable for this target.
fn symlink(to: &str, path: &str) -> std::io::Result<()> {
    let [to, path] = [to, path].map(|text| std::ffi::CString::new(text).expect("no zeros in paths"));
    // SAFETY: both are strings that end with a zero and live until the call returns.
    match unsafe { c_symlink(to.as_ptr(), path.as_ptr()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
