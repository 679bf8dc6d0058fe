//! The test's end of the line to the agent in the guest.

use anyhow::{Context, bail};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use weft_ci_agent::{AXIS_MAX, Answer, Answered, Asked, Command, FileFacts, Process, Question, Stat};
use weft_ipc::appd::{Request, Response};

/// The answer to a question comes in this time or the guest hangs.
const ANSWER_SECONDS: u64 = 30;
/// A program that is run may download a release.
const RUN_SECONDS: u64 = 300;

#[derive(Debug)]
pub struct Agent {
    stream: UnixStream,
    incoming: Receiver<Answered>,
    last: u64,
    boot_id: Option<String>,
    answer_limit: Duration,
    run_limit: Duration,
    of_appd: VecDeque<Response>,
}

impl Agent {
    /// Connects to the machine's port before the guest has started.
    pub fn connect(path: &Path, pace: weft_image::vm::Pace) -> anyhow::Result<Agent> {
        let stream =
            UnixStream::connect(path).with_context(|| format!("cannot connect to {}", path.display()))?;
        let reader = BufReader::new(stream.try_clone()?);
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            // The rest of a line that a reboot cut off is no answer.
            let answers =
                reader.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            for answer in answers {
                if sender.send(answer).is_err() {
                    return;
                }
            }
        });
        let (answer_limit, run_limit) = (pace.limit(ANSWER_SECONDS), pace.limit(RUN_SECONDS));
        Ok(Agent {
            stream,
            incoming,
            last: 0,
            boot_id: None,
            answer_limit,
            run_limit,
            of_appd: VecDeque::new(),
        })
    }

    /// Waits for the agent's greeting and returns the boot id.
    pub fn wait_hello(&mut self, limit: Duration) -> anyhow::Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            let answered = self.receive(deadline).context("while waiting for the agent to start")?;
            if let Answer::Hello { boot_id } = answered.answer {
                self.boot_id = Some(boot_id.clone());
                return Ok(boot_id);
            }
        }
    }

    fn receive(&self, deadline: Instant) -> anyhow::Result<Answered> {
        match self.incoming.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(answered) => Ok(answered),
            Err(RecvTimeoutError::Timeout) => bail!("the agent says nothing"),
            Err(RecvTimeoutError::Disconnected) => bail!("the machine has ended"),
        }
    }

    fn send(&mut self, question: Question) -> anyhow::Result<Asked> {
        self.last += 1;
        let asked = Asked { id: self.last, question };
        let mut line = serde_json::to_vec(&asked)?;
        line.push(b'\n');
        self.stream.write_all(&line).context("cannot ask the agent")?;
        Ok(asked)
    }

    fn ask(&mut self, question: Question) -> anyhow::Result<Answer> {
        let asked = self.send(question)?;
        let is_run = matches!(asked.question, Question::Run { .. });
        let deadline = Instant::now() + if is_run { self.run_limit } else { self.answer_limit };
        loop {
            let answered =
                self.receive(deadline).with_context(|| format!("after asking {:?}", asked.question))?;
            match answered.answer {
                Answer::Hello { boot_id } => {
                    self.boot_id = Some(boot_id);
                    bail!("the agent started anew after being asked {:?}", asked.question)
                }
                Answer::Refused { why } if answered.id == self.last => bail!("the agent: {why}"),
                answer if answered.id == self.last => return Ok(answer),
                _ => {}
            }
        }
    }

    pub fn processes(&mut self) -> anyhow::Result<Vec<Process>> {
        match self.ask(Question::Processes)? {
            Answer::Processes { processes } => Ok(processes),
            other => bail!("the agent answered {other:?}"),
        }
    }

    /// The process that was started by this name; `None` unless there is exactly one.
    pub fn process(&mut self, name: &str) -> anyhow::Result<Option<Process>> {
        let mut found: Vec<Process> =
            self.processes()?.into_iter().filter(|process| process.name == name).collect();
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    pub fn kill(&mut self, pid: i32, signal: i32) -> anyhow::Result<()> {
        self.done(Question::Kill { pid, signal })
    }

    pub fn write(&mut self, path: &str, text: &str) -> anyhow::Result<()> {
        self.done(Question::Write { path: path.to_owned(), text: text.to_owned() })
    }

    /// Writes a file, and makes the folders that it lies in.
    pub fn write_bytes(&mut self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.done(Question::WriteBytes { path: path.to_owned(), hex })
    }

    /// Makes a symbolic link.
    pub fn link(&mut self, target: &str, path: &str) -> anyhow::Result<()> {
        self.done(Question::Link { target: target.to_owned(), path: path.to_owned() })
    }

    /// Runs a program; returns its exit code and what it wrote.
    pub fn run(&mut self, command: Command) -> anyhow::Result<(Option<i32>, String)> {
        match self.ask(Question::Run { command })? {
            Answer::Ended { code, output } => Ok((code, output)),
            other => bail!("the agent answered {other:?}"),
        }
    }

    /// Starts a program, whatever becomes of it.
    pub fn start(&mut self, command: Command) -> anyhow::Result<()> {
        self.done(Question::Start { command })
    }

    /// Asks appd something; what it says comes by [`Self::next_of_appd`].
    pub fn ask_appd(&mut self, request: Request) -> anyhow::Result<()> {
        self.done(Question::AskAppd { request })
    }

    /// What appd said next, to the agent or to everybody; `None` while there is nothing new.
    pub fn next_of_appd(&mut self) -> anyhow::Result<Option<Response>> {
        if self.of_appd.is_empty() {
            match self.ask(Question::AppdSaid)? {
                Answer::Responses { responses } => self.of_appd.extend(responses),
                other => bail!("the agent answered {other:?}"),
            }
        }
        Ok(self.of_appd.pop_front())
    }

    /// Answers HTTP requests to an address in the guest with this response.
    pub fn serve_http(&mut self, address: &str, response: &str) -> anyhow::Result<()> {
        self.done(Question::ServeHttp { address: address.to_owned(), response: response.to_owned() })
    }

    /// The requests that came to that address so far.
    pub fn http_requests(&mut self, address: &str) -> anyhow::Result<Vec<String>> {
        self.names(Question::HttpRequests { address: address.to_owned() })
    }

    fn done(&mut self, question: Question) -> anyhow::Result<()> {
        match self.ask(question)? {
            Answer::Done => Ok(()),
            other => bail!("the agent answered {other:?}"),
        }
    }

    pub fn read(&mut self, path: &str) -> anyhow::Result<String> {
        match self.ask(Question::Read { path: path.to_owned() })? {
            Answer::Text { text } => Ok(text),
            other => bail!("the agent answered {other:?}"),
        }
    }

    pub fn read_bytes(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        match self.ask(Question::ReadBytes { path: path.to_owned() })? {
            Answer::Text { text } => {
                let byte = |pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
                text.as_bytes().chunks(2).map(byte).collect()
            }
            other => bail!("the agent answered {other:?}"),
        }
    }

    fn names(&mut self, question: Question) -> anyhow::Result<Vec<String>> {
        match self.ask(question)? {
            Answer::Names { names } => Ok(names),
            other => bail!("the agent answered {other:?}"),
        }
    }

    pub fn list(&mut self, path: &str) -> anyhow::Result<Vec<String>> {
        self.names(Question::List { path: path.to_owned() })
    }

    pub fn read_links(&mut self, path: &str) -> anyhow::Result<Vec<String>> {
        self.names(Question::ReadLinks { path: path.to_owned() })
    }

    /// Every regular file of the root file system.
    pub fn files(&mut self) -> anyhow::Result<Vec<FileFacts>> {
        match self.ask(Question::Files { path: "/".to_owned() })? {
            Answer::Files { files } => Ok(files),
            other => bail!("the agent answered {other:?}"),
        }
    }

    pub fn stat(&mut self, path: &str) -> anyhow::Result<Stat> {
        match self.ask(Question::Stat { path: path.to_owned() })? {
            Answer::Stat(stat) => Ok(stat),
            other => bail!("the agent answered {other:?}"),
        }
    }

    /// Asks PID 1 to restart the machine. There is no answer to wait for: it may end the agent before one is sent.
    pub fn reboot(&mut self) -> anyhow::Result<()> {
        self.ask_init("reboot")
    }

    /// Asks PID 1 something that may end the agent before there is an answer.
    pub fn ask_init(&mut self, request: &str) -> anyhow::Result<()> {
        self.send(Question::Init { request: request.to_owned() }).map(drop)
    }

    /// Plugs in a touch screen and returns its device nodes.
    pub fn plug_touch(&mut self) -> anyhow::Result<Vec<String>> {
        self.names(Question::PlugTouch)
    }

    /// Puts one finger on pixel x, y of a screen of that size and lifts it.
    pub fn tap(&mut self, x: u32, y: u32, (width, height): (u32, u32)) -> anyhow::Result<()> {
        let axis = |pixel: u32, size: u32| (pixel * 2 + 1) as i32 * AXIS_MAX / (size * 2) as i32;
        self.done(Question::TouchDown { slot: 0, x: axis(x, width), y: axis(y, height) })?;
        self.done(Question::TouchUp { slot: 0, last: true })
    }

    /// The boot id that the kernel has now.
    pub fn boot_id(&mut self) -> anyhow::Result<String> {
        Ok(self.read("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
    }

    /// The log of a service.
    pub fn log(&mut self, service: &str) -> anyhow::Result<String> {
        self.read(&format!("/state/log/{service}.log"))
    }
}
