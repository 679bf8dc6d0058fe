//! Commands that change or list the installed apps.

use super::package::folder_of;
use crate::Result;
use crate::cli::Install;
use crate::report::{Answer, capability};
use serde_json::{Value, json};
use weft_manifest::{AppId, Capability};
use weft_package::launch::Publisher;
use weft_package::record::Owner;
use weft_package::store::{self, Options, Outcome, State};
use weft_package::{Places, Store, hex, words};

pub fn install(places: &Places, arguments: &Install) -> Result {
    let options = Options {
        development: arguments.dev,
        claim_data: arguments.claim_data,
        approve: arguments.approve,
        keep_image: arguments.keep_image,
    };
    let done = Store::new(places).install(&folder_of(&arguments.package), options)?;
    let manifest = &done.manifest;
    let what = match &done.outcome {
        Outcome::Installed => "installed".to_owned(),
        Outcome::Updated { from } => format!("updated from {from} to"),
        Outcome::Unchanged => "already installed:".to_owned(),
    };
    let by = owner_words(&done.owner);
    let mut lines = vec![format!("{what} {} {} ({by})", manifest.id, manifest.version)];
    lines.extend(
        manifest.capabilities.iter().map(|item| format!("  it may {} ({item})", words::describe(item))),
    );
    lines.extend(done.unused.iter().map(|unused| format!("warning: it asks for {unused} and never uses it")));
    let json = json!({
        "id": manifest.id.as_str(), "version": manifest.version.to_string(), "owner": done.owner.to_string(),
        "outcome": match &done.outcome {
            Outcome::Installed => "installed", Outcome::Updated { .. } => "updated", Outcome::Unchanged => "unchanged",
        },
        "from": match &done.outcome { Outcome::Updated { from } => Some(from), _ => None },
        "revision": hex::encode(&done.revision),
        "capabilities": manifest.capabilities.iter().map(capability).collect::<Value>(),
        "unused": done.unused,
    });
    Ok(Answer::new(lines, json))
}

pub fn uninstall(places: &Places, id: &AppId, purge: bool) -> Result {
    Store::new(places).uninstall(id, purge)?;
    let data = places.app_data(id);
    let kept = !purge && data.exists();
    let rest = if kept { format!("; its data stays in {}", data.display()) } else { String::new() };
    Ok(Answer::line(
        format!("removed {id}{rest}"),
        json!({ "id": id.as_str(), "data": kept.then_some(data) }),
    ))
}

pub fn rollback(places: &Places, id: &AppId) -> Result {
    let manifest = Store::new(places).rollback(id)?;
    let line = format!("{id} is back at {}", manifest.version);
    Ok(Answer::line(line, json!({ "id": id.as_str(), "version": manifest.version.to_string() })))
}

pub fn approve(places: &Places, id: &AppId, wanted: &[Capability]) -> Result {
    let added = Store::new(places).approve(id, wanted)?;
    let lines = added.iter().map(|item| format!("{id} may now {} ({item})", words::describe(item))).collect();
    Ok(Answer::new(
        lines,
        json!({ "id": id.as_str(), "approved": added.iter().map(capability).collect::<Value>() }),
    ))
}

pub fn list(places: &Places) -> Result {
    let entries = store::list(places);
    let mut lines = Vec::new();
    let mut apps = Vec::new();
    for entry in &entries {
        let id = entry.id.as_str();
        match &entry.state {
            State::Launchable { manifest, publisher, revision, can_roll_back } => {
                let by = publisher_words(publisher);
                lines.push(format!("{id} {} ({}), {by}", manifest.version, manifest.name));
                apps.push(json!({
                    "id": id, "name": manifest.name, "version": manifest.version.to_string(),
                    "store": entry.store, "publisher": publisher_id(publisher), "launchable": true,
                    "revision": revision.map(|digest| hex::encode(&digest)), "can_roll_back": can_roll_back,
                    "capabilities": manifest.capabilities.iter().map(ToString::to_string).collect::<Vec<_>>(),
                }));
            }
            State::Refused(refusal) => {
                lines.push(format!("{id} cannot be launched: {refusal}"));
                apps.push(json!({
                    "id": id, "store": entry.store, "launchable": false, "reason": refusal.to_string(),
                }));
            }
        }
    }
    if lines.is_empty() {
        lines.push("no app is installed".to_owned());
    }
    Ok(Answer::new(lines, json!({ "apps": apps })))
}

fn owner_words(owner: &Owner) -> String {
    match owner {
        Owner::Publisher(key) => format!("by {key}"),
        Owner::Development => "for development, not signed".to_owned(),
    }
}

fn publisher_words(publisher: &Publisher) -> String {
    match publisher {
        Publisher::System => "part of the system".to_owned(),
        Publisher::Owner(owner) => owner_words(owner),
    }
}

fn publisher_id(publisher: &Publisher) -> String {
    match publisher {
        Publisher::System => "system".to_owned(),
        Publisher::Owner(owner) => owner.to_string(),
    }
}
