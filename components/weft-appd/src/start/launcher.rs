//! Processes that the launcher starts for appd.

use super::{Argument, Error, Key, News, Spec, end};
use crate::sessions::{End, Role, SessionId};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use weft_ipc::launcher::{self as protocol, Kind, MAX_PACKET_LEN, Request, Response, Spawn};

mod socket;

use socket::Socket;

/// Requests and answers that may wait: more than all processes of all sessions make.
const QUEUE: usize = 1024;
/// The first number of a descriptor that is no standard stream.
const FIRST_NUMBER: i32 = 3;

/// appd's end of the launcher's channel.
#[derive(Debug)]
pub struct Launcher {
    /// Those that were asked for and are not known to have ended.
    living: BTreeMap<u64, Key>,
    last_id: u64,
    requests: mpsc::Sender<Packet>,
    answers: mpsc::Receiver<Answer>,
    /// News of processes that went away with a launcher.
    lost: Vec<News>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Packet {
    request: Request,
    descriptors: Vec<OwnedFd>,
}

#[derive(Debug)]
enum Answer {
    Said(Response),
    /// The request never reached the launcher.
    NotSent {
        id: u64,
        reason: String,
    },
    /// The launcher is gone, and all that it started with it.
    Gone,
}

impl Launcher {
    /// Must be called within the event loop.
    pub fn new(path: PathBuf) -> Self {
        let (requests, waiting) = mpsc::channel(QUEUE);
        let (tell, answers) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(speak(path, waiting, tell));
        Self { living: BTreeMap::new(), last_id: 0, requests, answers, lost: Vec::new(), _tasks: tasks }
    }

    pub fn start(&mut self, spec: Spec<'_>) -> Result<(), Error> {
        self.last_id += 1;
        let id = self.last_id;
        let key = (spec.session, spec.role);
        let packet = packet(id, spec)?;
        self.requests.try_send(packet).map_err(|_| Error::Busy)?;
        self.living.insert(id, key);
        Ok(())
    }

    pub fn kill(&mut self, session: SessionId) {
        self.kill_those(|(of, _)| of == session);
    }

    /// Ends those processes that do not end with the session's channels.
    pub fn kill_helpers(&mut self, session: SessionId) {
        self.kill_those(|(of, role)| of == session && !matches!(role, Role::Runtime | Role::Shell));
    }

    fn kill_those(&mut self, which: impl Fn(Key) -> bool) {
        for (id, _) in self.living.iter().filter(|(_, key)| which(**key)) {
            self.request_kill(*id);
        }
    }

    fn request_kill(&self, id: u64) {
        let packet = Packet { request: Request::Kill { id }, descriptors: Vec::new() };
        if self.requests.try_send(packet).is_err() {
            tracing::error!("the launcher takes no requests: a process is not ended");
        }
    }

    /// Safe to be dropped while it waits.
    pub async fn news(&mut self) -> News {
        loop {
            if let Some(news) = self.lost.pop() {
                return news;
            }
            // The task that sends lives as long as this does.
            let Some(answer) = self.answers.recv().await else {
                return std::future::pending().await;
            };
            if let Some(news) = self.heard(answer) {
                return news;
            }
        }
    }

    fn heard(&mut self, answer: Answer) -> Option<News> {
        match answer {
            Answer::Said(Response::Spawned { id, pid }) => {
                let known = self.living.get(&id).map(|key| News::Started(*key, pid));
                if known.is_none() {
                    // It was given up with an earlier launcher.
                    self.request_kill(id);
                }
                known
            }
            Answer::Said(Response::Refused { id, reason }) | Answer::NotSent { id, reason } => {
                Some(News::NotStarted(self.living.remove(&id)?, reason))
            }
            Answer::Said(Response::Exited { id, code, signal }) => {
                let key = self.living.remove(&id)?;
                Some(News::Ended(key, end(key.1, code, signal)))
            }
            Answer::Gone => {
                tracing::error!("the launcher is gone, and {} processes with it", self.living.len());
                let killed = End::Killed(rustix::process::Signal::KILL.as_raw());
                let living = std::mem::take(&mut self.living);
                self.lost.extend(living.into_values().map(|key| News::Ended(key, killed)));
                None
            }
        }
    }
}

fn packet(id: u64, spec: Spec<'_>) -> Result<Packet, Error> {
    let mut descriptors = vec![spec.stdout, spec.stderr];
    let mut fds = vec![1, 2];
    let mut arguments = Vec::new();
    for argument in spec.arguments {
        arguments.push(match argument {
            Argument::Text(argument) => text(argument)?,
            Argument::Descriptor(descriptor) => {
                let number = FIRST_NUMBER + i32::try_from(descriptors.len() - 2).unwrap_or_default();
                descriptors.push(descriptor);
                fds.push(number);
                number.to_string()
            }
        });
    }
    let opened = spec.cgroup.map(crate::cgroup::Session::open).transpose();
    let cgroup = opened.map_err(|source| Error::Spawn { program: spec.program, source })?;
    let environment = spec.environment.into_iter().map(|(name, value)| Ok((text(name)?, text(value)?)));
    let readable = spec.readable.into_iter().map(|path| text(path.into_os_string()));
    let spawn = Spawn {
        id,
        kind: kind(spec.role),
        app_id: spec.app.to_string(),
        session_id: spec.session,
        arguments,
        environment: environment.collect::<Result<_, _>>()?,
        data: spec.data,
        documents: spec.documents,
        readable: readable.collect::<Result<_, _>>()?,
        display: spec.display,
        fds,
        cgroup: cgroup.is_some(),
    };
    descriptors.extend(cgroup);
    Ok(Packet { request: Request::Spawn(spawn), descriptors })
}

fn kind(role: Role) -> Kind {
    match role {
        Role::Compiler => Kind::Compile,
        Role::Runtime => Kind::Runtime,
        Role::Shell => Kind::AppShell,
        Role::Portal => Kind::FilePortal,
        Role::Fetch => Kind::Fetch,
    }
}

fn text(text: OsString) -> Result<String, Error> {
    text.into_string().map_err(Error::NotText)
}

/// Sends what is asked, over a connection that is made when it is first needed and again when it broke.
async fn speak(path: PathBuf, mut requests: mpsc::Receiver<Packet>, answers: mpsc::Sender<Answer>) {
    let mut connection: Option<(Arc<Socket>, JoinSet<()>)> = None;
    while let Some(packet) = requests.recv().await {
        if connection.as_mut().is_some_and(|(_, reader)| reader.try_join_next().is_some()) {
            connection = None;
        }
        let outcome = async {
            if connection.is_none() {
                let socket = Arc::new(Socket::connect(&path)?);
                let mut reader = JoinSet::new();
                reader.spawn(listen(socket.clone(), answers.clone()));
                connection = Some((socket, reader));
            }
            let bytes = protocol::encode(&packet.request).map_err(io::Error::other)?;
            match &connection {
                Some((socket, _)) => socket.send(&bytes, &packet.descriptors).await,
                None => Ok(()),
            }
        };
        if let Err(error) = outcome.await
            && let Request::Spawn(spawn) = packet.request
        {
            let reason = format!("the launcher at {} cannot be asked: {error}", path.display());
            let _ = answers.send(Answer::NotSent { id: spawn.id, reason }).await;
        }
    }
}

async fn listen(socket: Arc<Socket>, answers: mpsc::Sender<Answer>) {
    let mut buffer = vec![0; MAX_PACKET_LEN];
    while let Ok(length) = socket.receive(&mut buffer).await {
        let Some(packet) = buffer.get(..length).filter(|packet| !packet.is_empty()) else { break };
        match protocol::decode(packet) {
            Ok(response) => {
                if answers.send(Answer::Said(response)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!("the launcher sent what is no answer: {error}, closing its connection");
                break;
            }
        }
    }
    let _ = answers.send(Answer::Gone).await;
}
