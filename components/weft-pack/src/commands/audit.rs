//! `weft-pack audit`.

use crate::cli::Audit;
use crate::report::{Answer, capability};
use crate::{Exit, Result};
use serde_json::{Value, json};
use weft_package::audit::{self, Statement};
use weft_package::{Places, words};

pub fn audit(arguments: &Audit) -> Result {
    let mut statements = match &arguments.image {
        Some(image) => audit::image(image)?,
        None => audit::stores(&Places::from_env()?)?,
    };
    if let Some(id) = &arguments.id {
        statements.retain(|statement| statement.id == id.as_str());
    }
    let mut lines: Vec<String> = statements.iter().flat_map(describe).collect();
    let faults = statements.iter().filter(|statement| !statement.is_sound()).count();
    lines.push(match (statements.len(), faults) {
        (0, _) => "there are no apps".to_owned(),
        (apps, 0) => format!("apps: {apps}; every manifest says what its component imports"),
        (apps, faults) => format!("apps: {apps}; manifest and component disagree in {faults}"),
    });
    let apps: Value = statements.iter().map(to_json).collect();
    let mut answer = Answer::new(lines, json!({ "apps": apps, "disagreements": faults }));
    if faults > 0 {
        answer.exit = Exit::Disagreement;
    }
    Ok(answer)
}

fn describe(statement: &Statement) -> Vec<String> {
    let mut lines = vec![format!("{} {} ({})", statement.id, statement.version, statement.publisher)];
    if let Some(reach) = &statement.reach {
        lines.extend(reach.granted.iter().map(|item| format!("  may {} ({item})", words::describe(item))));
        lines.extend(
            reach
                .by_default
                .iter()
                .map(|item| format!("  may {} ({item}, by default)", words::describe(item))),
        );
        let ui = if statement.has_page {
            "its page shows files of the package and talks to the component; it has no network"
        } else {
            "it has no page"
        };
        lines.push(format!("  {ui}"));
        let imports: Vec<&str> = reach.imports.iter().map(|import| import.name.as_str()).collect();
        lines.push(format!("  imports {}", imports.join(", ")));
    }
    lines.extend(statement.faults().map(|fault| format!("  DISAGREES: {fault}")));
    lines
}

fn to_json(statement: &Statement) -> Value {
    let reach = statement.reach.as_ref();
    json!({
        "id": statement.id, "version": statement.version, "publisher": statement.publisher, "page": statement.has_page,
        "granted": reach.map(|reach| reach.granted.iter().map(capability).collect::<Value>()),
        "by_default": reach.map(|reach| reach.by_default.iter().map(capability).collect::<Value>()),
        "imports": reach.map(|reach| reach.imports.iter().map(|import| {
            json!({ "name": import.name, "functions": import.functions })
        }).collect::<Value>()),
        "disagreements": statement.faults().collect::<Vec<_>>(),
    })
}
