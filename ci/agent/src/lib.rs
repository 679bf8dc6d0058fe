//! What the VM tests and their agent in the guest say to each other: one JSON object a line, over a virtio-serial port.
//!
//! The agent greets once after each start, then answers each question in order.

mod answer;
mod appd;
pub mod fault;
mod http;
mod processes;
mod run;
mod touch;
mod tree;

pub use answer::Agent;
pub use run::speak;
pub use touch::AXIS_MAX;

use serde::{Deserialize, Serialize};
use weft_ipc::appd::{Request, Response};

/// The name of the virtio-serial port.
pub const PORT: &str = "org.weft.ci";

/// The command line that says one line to a Unix socket: this, the socket's path, the line.
pub const SPEAK: &str = "speak";

/// At most so much of a file is read.
pub const MAX_READ: u64 = 4 << 20;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "question", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// All processes that have an executable: kernel threads are left out.
    Processes,
    /// Sends a signal by its number.
    Kill { pid: i32, signal: i32 },
    /// Reads a text file, at most [`MAX_READ`] of its end.
    Read { path: String },
    /// Reads a whole file of at most [`MAX_READ`] as hexadecimal.
    ReadBytes { path: String },
    /// Writes a text file where one may be written.
    Write { path: String, text: String },
    /// Writes a file given as hexadecimal, and the folders that it lies in.
    WriteBytes { path: String, hex: String },
    /// Makes a symbolic link.
    Link { target: String, path: String },
    /// Runs a program of the image to its end.
    Run { command: Command },
    /// Starts a program of the image and leaves it alone.
    Start { command: Command },
    /// The sorted names in a folder.
    List { path: String },
    /// What the links in a folder point at.
    ReadLinks { path: String },
    /// Every regular file below a folder, on the folder's own file system.
    Files { path: String },
    /// Owner and mode of a file, not following a link.
    Stat { path: String },
    /// Sends one line to PID 1's control socket; the answer is its first line.
    Init { request: String },
    /// Asks appd, on a connection that stays open; what it answers and tells is kept for [`Question::AppdSaid`].
    AskAppd { request: Request },
    /// What appd said since this was last asked.
    AppdSaid,
    /// Answers every connection to an address such as `127.0.0.1:8080` with this text, until the machine is off.
    ServeHttp { address: String, response: String },
    /// The first lines that came to that address so far.
    HttpRequests { address: String },
    /// Plugs in a touch screen; the answer names its device nodes.
    PlugTouch,
    /// Puts finger `slot` on a point, 0 to [`AXIS_MAX`] each way.
    TouchDown { slot: i32, x: i32, y: i32 },
    /// Lifts finger `slot`; `last` when no other is down.
    TouchUp { slot: i32, last: bool },
}

/// A program of the image, and as whom it runs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Command {
    pub program: String,
    pub arguments: Vec<String>,
    /// Its user; root where it is not said.
    pub user: Option<u32>,
    /// Its only group; where it is not said, the one of the user's number.
    pub group: Option<u32>,
    /// Variables on top of the agent's own.
    pub environment: Vec<(String, String)>,
}

/// A question with a number that its answer repeats.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Asked {
    pub id: u64,
    #[serde(flatten)]
    pub question: Question,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    pub uid: u32,
    /// The first word of the command line: the name a program was started by.
    pub name: String,
    pub executable: String,
    pub arguments: Vec<String>,
    pub cgroup: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FileFacts {
    pub path: String,
    pub mode: u32,
    pub uid: u32,
    pub size: u64,
    /// An ELF program or shared object.
    pub elf: bool,
    /// An ELF file that names a program interpreter.
    pub interpreter: bool,
    /// It begins with `#!`.
    pub script: bool,
    /// It has file capabilities.
    pub capability: bool,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Stat {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Tells a file from one that replaced it.
    pub inode: u64,
    /// Nanoseconds since 1970, of the last change of its contents where nobody set it.
    pub modified: i64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// The agent has started; the kernel's boot id tells one boot from another.
    Hello {
        boot_id: String,
    },
    Done,
    Processes {
        processes: Vec<Process>,
    },
    Text {
        text: String,
    },
    Responses {
        responses: Vec<Response>,
    },
    Names {
        names: Vec<String>,
    },
    Stat(Stat),
    Files {
        files: Vec<FileFacts>,
    },
    /// A program ended: its exit code, unless a signal ended it, and what it wrote to standard output and error.
    Ended {
        code: Option<i32>,
        output: String,
    },
    /// The question had no answer, and why.
    Refused {
        why: String,
    },
}

/// An answer with its question's number; 0 for the greeting.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Answered {
    pub id: u64,
    #[serde(flatten)]
    pub answer: Answer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_is_one_readable_line_each() {
        let asked = Asked { id: 7, question: Question::Kill { pid: 12, signal: 9 } };
        let line = serde_json::to_string(&asked).unwrap();
        assert_eq!(line, r#"{"id":7,"question":"kill","pid":12,"signal":9}"#);
        assert_eq!(serde_json::from_str::<Asked>(&line).unwrap(), asked);
        let answered = Answered { id: 7, answer: Answer::Refused { why: "no such process".into() } };
        let line = serde_json::to_string(&answered).unwrap();
        assert_eq!(line, r#"{"id":7,"answer":"refused","why":"no such process"}"#);
        assert_eq!(serde_json::from_str::<Answered>(&line).unwrap(), answered);
    }
}
