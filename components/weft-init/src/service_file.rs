//! Service files: raw TOML to a validated [`Service`], with errors that name file, line and column.

use crate::capability;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;

/// What to do when a service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

/// How a service says that it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// Ready as soon as it runs.
    #[default]
    None,
    /// Ready when it sends `READY=1`, see `sd_notify(3)`.
    Notify,
}

/// How a socket keeps messages apart, see unix(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SocketKind {
    #[default]
    Stream,
    Seqpacket,
}

/// A socket that PID 1 listens on for the service, passed by `sd_listen_fds(3)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    pub name: String,
    pub path: String,
    pub kind: SocketKind,
    /// Permission bits, as in `chmod`.
    pub mode: u32,
    pub user: String,
    pub group: String,
}

/// Limits of the service's cgroup, in the text that the kernel's files take (`cgroup-v2`, "Controllers").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes.
    pub memory_max: Option<u64>,
    /// Percent of one processor.
    pub cpu_percent: Option<u32>,
    pub pids_max: Option<u32>,
}

/// A service, checked on its own; whether its user exists and its `after` names services is decided when all are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    pub exec: Vec<String>,
    pub user: String,
    pub groups: Vec<String>,
    /// Of a service of root: the only capabilities that it keeps, as bits. Every other user has none.
    pub capabilities: Option<u64>,
    /// The kind of sandbox that `weft-launcher confine` puts it into.
    pub confine: Option<String>,
    pub environment: BTreeMap<String, String>,
    pub restart: RestartPolicy,
    /// Whether a release on trial is broken without it.
    pub required: bool,
    pub readiness: Readiness,
    pub after: Vec<String>,
    /// Started once all that are not late were ready.
    pub late: bool,
    pub watchdog: Option<Duration>,
    /// How long it may take to become ready.
    pub start_timeout: Duration,
    pub limits: Limits,
    /// The cgroup below belongs to the service's user, who may divide it further.
    pub delegate: bool,
    /// Below `/run`.
    pub runtime_directory: Option<String>,
    /// Below `/state`; the service waits for the state partition.
    pub state_directory: Option<String>,
    pub oom_score_adj: i32,
    pub sockets: Vec<Socket>,
}

/// Why a service file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct Error {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    exec: Spanned<Vec<String>>,
    user: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    capabilities: Option<Spanned<Vec<String>>>,
    confine: Option<Spanned<String>>,
    #[serde(default)]
    environment: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    restart: RestartPolicy,
    #[serde(default = "yes")]
    required: bool,
    #[serde(default)]
    readiness: Readiness,
    #[serde(default)]
    after: Vec<String>,
    #[serde(default)]
    late: bool,
    watchdog_secs: Option<Spanned<u64>>,
    start_timeout_secs: Option<Spanned<u64>>,
    memory_max: Option<Spanned<String>>,
    cpu_max: Option<Spanned<String>>,
    pids_max: Option<Spanned<u32>>,
    #[serde(default)]
    delegate: bool,
    runtime_directory: Option<Spanned<String>>,
    state_directory: Option<Spanned<String>>,
    oom_score_adj: Option<Spanned<i32>>,
    #[serde(default)]
    socket: Vec<RawSocket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSocket {
    name: Spanned<String>,
    path: Spanned<String>,
    #[serde(default)]
    kind: SocketKind,
    mode: Spanned<u32>,
    user: Option<String>,
    group: Option<String>,
}

const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Parses and checks one service file; `name` is the file's name without `.toml`.
pub fn parse(file: &str, name: &str, text: &str) -> Result<Service, Error> {
    let at = |offset: usize, message: String| {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        Error { file: file.to_owned(), line, column, message }
    };
    if !is_service_name(name) {
        return Err(at(
            0,
            format!("the service name {name:?} must be lower-case letters, digits and dashes"),
        ));
    }
    let raw: RawService = toml::from_str(text)
        .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message().replace('\n', " ")))?;
    validate(name, raw).map_err(|(offset, message)| at(offset, message))
}

type Refusal = (usize, String);

fn validate(name: &str, raw: RawService) -> Result<Service, Refusal> {
    let user = raw.user.unwrap_or_else(|| "root".to_owned());
    let exec = check(raw.exec, |exec| match exec.first() {
        Some(program) if !program.starts_with('/') => Err("exec must begin with an absolute path".to_owned()),
        Some(_) if exec.iter().any(|word| word.contains('\0')) => Err("exec has a zero byte".to_owned()),
        Some(_) => Ok(exec),
        None => Err("exec is empty, name the program to run".to_owned()),
    })?;
    let mut environment = BTreeMap::new();
    for (key, value) in raw.environment {
        let value = check(value, |value| match key.contains(['=', '\0']) || value.contains('\0') {
            true => Err(format!("environment variable {key:?} has a character that no variable may have")),
            false => Ok(value),
        })?;
        environment.insert(key, value);
    }
    Ok(Service {
        exec,
        groups: raw.groups,
        capabilities: maybe(raw.capabilities, |names| match user == "root" {
            true => capability::bits(&names),
            false => Err("capabilities are for services of root, all others have none".to_owned()),
        })?,
        confine: maybe(raw.confine, |kind| match is_service_name(&kind) && user != "root" {
            true => Ok(kind),
            false => {
                Err("confine names a kind of sandbox such as \"compositor\", for a user other than root"
                    .to_owned())
            }
        })?,
        environment,
        restart: raw.restart,
        required: raw.required,
        readiness: raw.readiness,
        after: raw.after,
        late: raw.late,
        watchdog: maybe(raw.watchdog_secs, |secs| seconds("watchdog_secs", secs))?,
        start_timeout: maybe(raw.start_timeout_secs, |secs| seconds("start_timeout_secs", secs))?
            .unwrap_or(START_TIMEOUT),
        limits: Limits {
            memory_max: maybe(raw.memory_max, memory)?,
            cpu_percent: maybe(raw.cpu_max, percent)?,
            pids_max: maybe(raw.pids_max, |pids| {
                (pids > 0).then_some(pids).ok_or("pids_max must be above 0".into())
            })?,
        },
        delegate: raw.delegate,
        runtime_directory: maybe(raw.runtime_directory, folder)?,
        state_directory: maybe(raw.state_directory, folder)?,
        oom_score_adj: maybe(raw.oom_score_adj, |score| match score {
            -1000..=1000 => Ok(score),
            _ => Err("oom_score_adj must be from -1000 to 1000".to_owned()),
        })?
        .unwrap_or(0),
        sockets: raw.socket.into_iter().map(|raw| socket(raw, &user)).collect::<Result<_, _>>()?,
        name: name.to_owned(),
        user,
    })
}

fn socket(raw: RawSocket, owner: &str) -> Result<Socket, Refusal> {
    Ok(Socket {
        name: check(raw.name, |name| match name.is_empty() || name.contains([':', '\0']) {
            true => Err("a socket name must not be empty nor have a colon in it".to_owned()),
            false => Ok(name),
        })?,
        kind: raw.kind,
        // sockaddr_un holds 108 bytes with the closing zero, see unix(7).
        path: check(raw.path, |path| {
            match path.starts_with("/run/") && path.len() < 108 && !path.contains("..") {
                true => Ok(path),
                false => Err(format!("socket path {path:?} must lie in /run and be shorter than 108 bytes")),
            }
        })?,
        mode: check(raw.mode, |mode| match mode {
            0..=0o777 => Ok(mode),
            _ => Err(format!("socket mode 0o{mode:o} has more than permission bits, write it as 0o660")),
        })?,
        user: raw.user.unwrap_or_else(|| owner.to_owned()),
        group: raw.group.unwrap_or_else(|| "root".to_owned()),
    })
}

fn yes() -> bool {
    true
}

fn check<T, U>(value: Spanned<T>, test: impl FnOnce(T) -> Result<U, String>) -> Result<U, Refusal> {
    let offset = value.span().start;
    test(value.into_inner()).map_err(|message| (offset, message))
}

fn maybe<T, U>(
    value: Option<Spanned<T>>,
    test: impl FnOnce(T) -> Result<U, String>,
) -> Result<Option<U>, Refusal> {
    value.map(|value| check(value, test)).transpose()
}

fn is_service_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(allowed)
}

fn seconds(field: &str, secs: u64) -> Result<Duration, String> {
    match secs {
        1..=86_400 => Ok(Duration::from_secs(secs)),
        _ => Err(format!("{field} must be from 1 to 86400")),
    }
}

fn memory(text: String) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'K')) => (text.get(..at), 1 << 10),
        Some((at, 'M')) => (text.get(..at), 1 << 20),
        Some((at, 'G')) => (text.get(..at), 1 << 30),
        _ => (Some(text.as_str()), 1),
    };
    let bytes =
        digits.and_then(|digits| digits.parse::<u64>().ok()).and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or(format!("memory_max {text:?} is not a size such as \"256M\""))
}

fn percent(text: String) -> Result<u32, String> {
    let number = text.strip_suffix('%').and_then(|digits| digits.parse().ok());
    number
        .filter(|percent| (1..=100_000).contains(percent))
        .ok_or(format!("cpu_max {text:?} is not a share of one processor such as \"150%\""))
}

fn folder(text: String) -> Result<String, String> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    match text.split('/').all(plain) {
        true => Ok(text),
        false => Err(format!("folder {text:?} must be a plain relative path")),
    }
}

#[cfg(test)]
mod tests;
