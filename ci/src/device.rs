//! Installed apps of a machine under test: `weft-pack` as the owner of the store, and appd as the system UI asks it.

use crate::package::App;
use crate::{TestVm, wait};
use anyhow::{Context, bail, ensure};
use std::path::Path;
use weft_ci_agent::Command;
use weft_ipc::appd::{AppState, CrashReport, InstalledApp, Request, Response};
use weft_package::image::ImageFiles;
use weft_package::key::SecretKey;

/// appd's user, whose store it is.
pub const APPD: u32 = 102;
/// Where apps are installed.
pub const STORE: &str = "/state/appd/.local/share/weft/apps";
/// Where the code of installed apps is kept.
pub const COMPILED: &str = "/state/appd/compiled";
const PACK: &str = "/usr/bin/weft-pack";
const UPLOADS: &str = "/tmp/packages";
/// The first launch compiles.
const LAUNCH_SECONDS: u64 = 120;
const ANSWER_SECONDS: u64 = 30;

/// What a program ended with and wrote.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
}

impl Ended {
    /// That it ended with this code and wrote all of these.
    pub fn is(&self, code: i32, said: &[&str]) -> anyhow::Result<()> {
        let missing = said.iter().find(|text| !self.output.contains(*text));
        ensure!(
            self.code == Some(code) && missing.is_none(),
            "expected exit code {code} and {missing:?}, got {:?} and:\n{}",
            self.code,
            self.output
        );
        Ok(())
    }
}

/// What became of a wish to launch.
pub type Launched = Result<u64, String>;

/// `weft-pack` as the owner of the store.
pub fn pack_command(words: &[&str]) -> Command {
    let variables = [("HOME", "/state/appd"), ("XDG_DATA_HOME", "/state/appd/.local/share")];
    Command {
        program: PACK.to_owned(),
        arguments: words.iter().map(|word| (*word).to_owned()).collect(),
        user: Some(APPD),
        group: None,
        environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

impl TestVm {
    /// Waits until appd serves, and listens to it from then on.
    pub fn wait_appd(&mut self) -> anyhow::Result<()> {
        self.wait_init(weft_image::vm::Mark::default(), "weft-appd ready")?;
        self.wait_agent()?;
        self.installed().map(drop)
    }

    pub fn pack(&mut self, words: &[&str]) -> anyhow::Result<Ended> {
        let (code, output) = self.agent()?.run(pack_command(words))?;
        Ok(Ended { code, output })
    }

    /// Puts a file on the device; its path there.
    pub fn upload(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let path = format!("{UPLOADS}/{name}");
        self.agent()?.write_bytes(&path, bytes)?;
        Ok(path)
    }

    /// Puts a package image with its files on the device; its path there.
    pub fn upload_image(&mut self, files: &ImageFiles) -> anyhow::Result<String> {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        for file in [&files.hash, &files.root_hash, &files.signature] {
            self.upload(&name(file).context("a file without a name")?, &std::fs::read(file)?)?;
        }
        self.upload(&name(&files.image).context("an image without a name")?, &std::fs::read(&files.image)?)
    }

    /// What `weft-pack install` says to the archive of an app.
    pub fn try_install(
        &mut self,
        app: &App,
        key: Option<&SecretKey>,
        options: &[&str],
    ) -> anyhow::Result<Ended> {
        let path = self.upload(&format!("{}-{}.app.tar.zst", app.id, app.version), &app.archive(key)?)?;
        self.pack(&[&["install", &path], options].concat())
    }

    pub fn install(&mut self, app: &App, key: &SecretKey) -> anyhow::Result<()> {
        self.try_install(app, Some(key), &[])?.is(0, &[&app.id])
    }

    /// The first of what appd says from now on that `pick` takes; what comes before it is passed over.
    pub fn appd_says<T>(
        &mut self,
        seconds: u64,
        what: &str,
        mut pick: impl FnMut(&Response) -> Option<T>,
    ) -> anyhow::Result<T> {
        let limit = self.pace.limit(seconds);
        let agent = self.agent()?;
        let mut passed = Vec::new();
        let picked = wait::until(limit, what, || {
            while let Some(response) = agent.next_of_appd()? {
                if let Some(picked) = pick(&response) {
                    return Ok(Some(picked));
                }
                passed.push(response);
            }
            Ok(None)
        });
        picked.with_context(|| format!("appd said {passed:?}"))
    }

    fn ask_appd(&mut self, request: Request) -> anyhow::Result<()> {
        let agent = self.agent()?;
        // What was said before is no answer.
        while agent.next_of_appd()?.is_some() {}
        agent.ask_appd(request)
    }

    /// Asks for an app and waits until it is ready or refused.
    pub fn try_launch(&mut self, id: &str) -> anyhow::Result<Launched> {
        self.ask_appd(Request::LaunchApp { app_id: id.to_owned(), surface_id: 0 })?;
        self.appd_says(LAUNCH_SECONDS, &format!("{id} to be ready"), |response| ready(id, response))
    }

    /// Launches an app; its session.
    pub fn launch(&mut self, id: &str) -> anyhow::Result<u64> {
        self.try_launch(id)?.map_err(|message| anyhow::anyhow!("{id} is not launched: {message}"))
    }

    /// Waits until an app is ready that appd starts again by itself.
    pub fn wait_ready(&mut self, id: &str) -> anyhow::Result<Launched> {
        self.appd_says(LAUNCH_SECONDS, &format!("{id} to be ready again"), |response| ready(id, response))
    }

    /// Has a probe do something; its answer.
    pub fn order(&mut self, session: u64, order: &str) -> anyhow::Result<String> {
        self.ask_appd(Request::IpcForward { session_id: session, payload: order.to_owned() })?;
        self.appd_says(ANSWER_SECONDS, &format!("an answer to `{order}`"), |response| match response {
            Response::IpcMessage { session_id, payload } if *session_id == session => {
                Some(Ok(payload.clone()))
            }
            Response::Error { message, .. } => Some(Err(anyhow::anyhow!("`{order}`: {message}"))),
            _ => None,
        })?
    }

    /// Tells a component something, whatever it answers.
    pub fn say(&mut self, session: u64, what: &str) -> anyhow::Result<()> {
        self.ask_appd(Request::IpcForward { session_id: session, payload: what.to_owned() })
    }

    /// The answer to an order that is obeyed.
    pub fn done(&mut self, session: u64, order: &str) -> anyhow::Result<String> {
        let answer = self.order(session, order)?;
        let answer = answer.strip_prefix("ok ").with_context(|| format!("`{order}`: {answer}"))?;
        Ok(answer.to_owned())
    }

    /// That an order is refused with this reason.
    pub fn fails(&mut self, session: u64, order: &str, reason: &str) -> anyhow::Result<()> {
        let answer = self.order(session, order)?;
        ensure!(answer.starts_with("error ") && answer.contains(reason), "`{order}`: {answer}");
        Ok(())
    }

    /// Ends a session and waits until it is gone.
    pub fn end(&mut self, session: u64) -> anyhow::Result<()> {
        self.ask_appd(Request::TerminateApp { session_id: session })?;
        self.wait_stopped(session)
    }

    pub fn wait_stopped(&mut self, session: u64) -> anyhow::Result<()> {
        let limit = self.pace.limit(ANSWER_SECONDS);
        // Asked for, because what appd said by itself may have been passed over while something else was waited for.
        wait::until(limit, &format!("the end of session {session}"), || {
            self.ask_appd(Request::QueryAppState { session_id: session })?;
            self.appd_says(ANSWER_SECONDS, "APP_STATE", |response| match response {
                Response::AppState { session_id, state } if *session_id == session => {
                    Some(matches!(state, AppState::Stopped | AppState::NotFound).then_some(()))
                }
                _ => None,
            })
        })
    }

    /// Ends whatever sessions an app has, those that only wait to be started again too.
    pub fn end_all(&mut self, id: &str) -> anyhow::Result<()> {
        let limit = self.pace.limit(ANSWER_SECONDS);
        wait::until(limit, &format!("{id} to have no session"), || {
            let sessions = self.sessions(id)?;
            for session in &sessions {
                // One that crashes meanwhile is not there to be ended, and its successor is by the next look.
                self.ask_appd(Request::TerminateApp { session_id: *session })?;
            }
            Ok(sessions.is_empty().then_some(()))
        })
    }

    /// The sessions of an app.
    pub fn sessions(&mut self, id: &str) -> anyhow::Result<Vec<u64>> {
        self.ask_appd(Request::QueryRunning)?;
        self.appd_says(ANSWER_SECONDS, "RUNNING_APPS", |response| match response {
            Response::RunningApps { sessions } => {
                Some(sessions.iter().filter(|one| one.app_id == id).map(|one| one.session_id).collect())
            }
            _ => None,
        })
    }

    /// Waits until appd tells everybody of a failure in words that have all of these in them.
    pub fn told_of_failure(&mut self, words: &[&str]) -> anyhow::Result<()> {
        self.appd_says(ANSWER_SECONDS, &format!("an error about {words:?}"), |response| match response {
            Response::Error { message, .. } => words.iter().all(|word| message.contains(word)).then_some(()),
            _ => None,
        })
    }

    /// The apps as the system UI sees them.
    pub fn installed(&mut self) -> anyhow::Result<Vec<InstalledApp>> {
        self.ask_appd(Request::QueryInstalledApps)?;
        self.appd_says(ANSWER_SECONDS, "INSTALLED_APPS", |response| match response {
            Response::InstalledApps { apps } => Some(apps.clone()),
            _ => None,
        })
    }

    /// Waits until appd tells everybody of an app in this version, or of its absence.
    pub fn told_of(&mut self, id: &str, version: Option<&str>) -> anyhow::Result<()> {
        let what = format!("appd to tell of {id} {}", version.unwrap_or("being gone"));
        self.appd_says(ANSWER_SECONDS, &what, |response| {
            let Response::InstalledApps { apps } = response else { return None };
            let found = apps.iter().find(|app| app.app_id == id).map(|app| app.version.as_str());
            (found == version).then_some(())
        })
    }

    /// Waits for the crash report of an app that is not ready for long; the newest one.
    pub fn crash_of(&mut self, id: &str) -> anyhow::Result<CrashReport> {
        let limit = self.pace.limit(LAUNCH_SECONDS);
        wait::until(limit, &format!("a crash report of {id}"), || {
            self.ask_appd(Request::QueryCrashReports { app_id: Some(id.to_owned()) })?;
            self.appd_says(ANSWER_SECONDS, "CRASH_REPORTS", |response| match response {
                Response::CrashReports { reports } => Some(reports.first().cloned()),
                _ => None,
            })
        })
    }

    /// Asks for an app whose end is of interest, not its beginning.
    pub fn launch_to_crash(&mut self, id: &str) -> anyhow::Result<CrashReport> {
        self.ask_appd(Request::LaunchApp { app_id: id.to_owned(), surface_id: 0 })?;
        self.appd_says(LAUNCH_SECONDS, &format!("{id} to be launched"), |response| match response {
            Response::LaunchAck { app_id, .. } if app_id == id => Some(Ok(())),
            Response::Error { message, .. } => Some(Err(anyhow::anyhow!("{id}: {message}"))),
            _ => None,
        })??;
        self.crash_of(id)
    }

    /// The folder of the revision that is active.
    pub fn revision(&mut self, id: &str) -> anyhow::Result<String> {
        let revisions = format!("{STORE}/.revisions/{id}");
        let names = self.agent()?.list(&revisions)?;
        match names.iter().filter(|name| name.len() == 64).collect::<Vec<_>>().as_slice() {
            [only] => Ok(format!("{revisions}/{only}")),
            others => bail!("{id} has not one revision, but {others:?}"),
        }
    }
}

fn ready(id: &str, response: &Response) -> Option<Launched> {
    match response {
        Response::AppReady { session_id, app_id } if app_id == id => Some(Ok(*session_id)),
        Response::Error { message, .. } if message.contains(id) => Some(Err(message.clone())),
        _ => None,
    }
}
