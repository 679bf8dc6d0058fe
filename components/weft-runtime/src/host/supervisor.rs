//! `weft:app/supervisor`: questions that appd answers.

use super::apps::UNEXPECTED;
use super::v0_2::weft::app::supervisor;
use crate::channel::Kind;
use crate::state::State;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use weft_ipc::appd::CrashReport;
use weft_ipc::session::{About, Answer, AppState, Ask, Device, Permission, Session};

impl State {
    /// Asks appd once to tell about changes.
    async fn watch_sessions(&mut self) {
        if !std::mem::replace(&mut self.watches_sessions, true)
            && let Err(reason) = self.order(Ask::Watch).await
        {
            tracing::warn!("the app does not learn about sessions: {reason}");
        }
    }
}

impl supervisor::Host for State {
    async fn apps(&mut self) -> Result<Vec<supervisor::App>, String> {
        let Answer::Apps { apps } = self.ask(Ask::Apps).await? else { return Err(UNEXPECTED.to_owned()) };
        let plain = apps.into_iter().map(|app| supervisor::App {
            id: app.app_id,
            name: app.name,
            version: app.version,
        });
        Ok(plain.collect())
    }

    async fn about(&mut self, app: String) -> Result<supervisor::Details, String> {
        match self.ask(Ask::About { app_id: app }).await? {
            Answer::About { about } => Ok(about.into()),
            _ => Err(UNEXPECTED.to_owned()),
        }
    }

    async fn crashes(&mut self, app: Option<String>) -> Result<Vec<supervisor::Crash>, String> {
        match self.ask(Ask::Crashes { app_id: app }).await? {
            Answer::Crashes { reports } => Ok(reports.into_iter().map(supervisor::Crash::from).collect()),
            _ => Err(UNEXPECTED.to_owned()),
        }
    }

    async fn device(&mut self) -> Result<supervisor::DeviceDetails, String> {
        match self.ask(Ask::Device).await? {
            Answer::Device { device } => Ok(device.into()),
            _ => Err(UNEXPECTED.to_owned()),
        }
    }

    async fn sessions(&mut self) -> Result<Vec<supervisor::Session>, String> {
        let Answer::Sessions { sessions } = self.ask(Ask::Sessions).await? else {
            return Err(UNEXPECTED.to_owned());
        };
        Ok(sessions.into_iter().map(supervisor::Session::from).collect())
    }

    async fn start(&mut self, app: String) -> Result<u64, String> {
        match self.ask(Ask::Start { app_id: app }).await? {
            Answer::Started { session_id } => Ok(session_id),
            _ => Err(UNEXPECTED.to_owned()),
        }
    }

    async fn stop(&mut self, session: u64) -> Result<(), String> {
        self.order(Ask::Stop { session_id: session }).await
    }

    async fn change(&mut self) -> Option<supervisor::Session> {
        self.watch_sessions().await;
        Some(self.channel.as_ref()?.receive_change()?.into())
    }

    async fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        self.watch_sessions().await;
        self.subscribe_to(Kind::Change)
    }
}

impl From<Session> for supervisor::Session {
    fn from(session: Session) -> Self {
        let state = match session.state {
            AppState::Starting => supervisor::State::Starting,
            AppState::Running => supervisor::State::Running,
            AppState::Stopping => supervisor::State::Stopping,
            AppState::Stopped => supervisor::State::Stopped,
        };
        Self { id: session.session_id, app: session.app_id, state }
    }
}

impl From<About> for supervisor::Details {
    fn from(about: About) -> Self {
        let About { description, author, part_of_system, permissions, max_memory, max_storage } = about;
        let permission = |Permission { capability, meaning }| supervisor::Permission { capability, meaning };
        let permissions = permissions.into_iter().map(permission).collect();
        Self { description, author, part_of_system, permissions, max_memory, max_storage }
    }
}

impl From<CrashReport> for supervisor::Crash {
    fn from(report: CrashReport) -> Self {
        let CrashReport { report_id, app_id, session_id: _, time, process, reason, limits, .. } = report;
        let (in_a_row, last_lines) = (report.in_a_row, report.last_lines);
        Self { id: report_id, app: app_id, time, process, reason, limits, in_a_row, last_lines }
    }
}

impl From<Device> for supervisor::DeviceDetails {
    fn from(device: Device) -> Self {
        let Device { name, version, kernel, uptime, memory, storage, storage_free } = device;
        Self { name, version, kernel, uptime, memory, storage, storage_free }
    }
}
