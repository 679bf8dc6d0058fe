//! The fields of `[runtime.limits]`, from text to numbers in their ranges.

use crate::manifest::Place;
use crate::{Limits, ManifestError, parse_duration, parse_size, raw};
use std::time::Duration;
use toml::Spanned;

impl Place<'_> {
    pub fn limits(&self, raw: &raw::Limits) -> Result<Limits, ManifestError> {
        let (default, least, most) = (Limits::default(), Limits::FLOOR, Limits::CEILING);
        let secs = |time: Option<Duration>| time.unwrap_or_default().as_secs();
        let watchdog = self.number(
            "watchdog_secs",
            raw.watchdog_secs.as_ref(),
            secs(least.watchdog)..=secs(most.watchdog),
        )?;
        let cpu = self.number("cpu", raw.cpu.as_ref(), least.cpu.into()..=most.cpu.into())?;
        Ok(Limits {
            memory: self
                .size("memory", raw.memory.as_ref(), least.memory..=most.memory)?
                .unwrap_or(default.memory),
            table: self
                .number("table", raw.table.as_ref(), least.table..=most.table)?
                .unwrap_or(default.table),
            instances: self
                .number("instances", raw.instances.as_ref(), least.instances..=most.instances)?
                .unwrap_or(default.instances),
            stack: self.size("stack", raw.stack.as_ref(), least.stack..=most.stack)?.unwrap_or(default.stack),
            fuel: self.number("fuel", raw.fuel.as_ref(), least.fuel..=most.fuel)?.unwrap_or(default.fuel),
            descriptors: self
                .number("descriptors", raw.descriptors.as_ref(), least.descriptors..=most.descriptors)?
                .unwrap_or(default.descriptors),
            wall: self.time("wall", raw.wall.as_ref(), least.wall..=most.wall)?.unwrap_or(default.wall),
            storage: self
                .size("storage", raw.storage.as_ref(), least.storage..=most.storage)?
                .unwrap_or(default.storage),
            watchdog: watchdog.map(Duration::from_secs).or(default.watchdog),
            cpu: cpu.and_then(|cpu| u32::try_from(cpu).ok()).unwrap_or(default.cpu),
        })
    }

    fn number(&self, name: &str, value: Option<&Spanned<u64>>, range: Range<u64>) -> Field<u64> {
        let Some(value) = value else { return Ok(None) };
        if range.contains(value.get_ref()) {
            return Ok(Some(*value.get_ref()));
        }
        let problem = format!("write a number from {} to {}", range.start(), range.end());
        Err(self.error(value.span(), &field(name), problem))
    }

    fn size(&self, name: &str, value: Option<&Spanned<String>>, range: Range<u64>) -> Field<u64> {
        let Some(value) = value else { return Ok(None) };
        let size = parse_size(value.get_ref()).filter(|size| range.contains(size));
        size.map(Some).ok_or_else(|| {
            let (least, most) = (written(*range.start()), written(*range.end()));
            let problem = format!("write a size from {least} to {most}, such as \"{most}\"");
            self.error(value.span(), &field(name), problem)
        })
    }

    fn time(&self, name: &str, value: Option<&Spanned<String>>, range: Range<Duration>) -> Field<Duration> {
        let Some(value) = value else { return Ok(None) };
        let time = parse_duration(value.get_ref()).filter(|time| range.contains(time));
        time.map(Some).ok_or_else(|| {
            let problem =
                format!("write a time from {:?} to {:?}, such as \"5s\"", range.start(), range.end());
            self.error(value.span(), &field(name), problem)
        })
    }
}

type Range<T> = std::ops::RangeInclusive<T>;
type Field<T> = Result<Option<T>, ManifestError>;

fn field(name: &str) -> String {
    format!("runtime.limits.{name}")
}

/// A size in the largest unit that leaves no rest.
fn written(size: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB")];
    let unit = units.into_iter().find(|(unit, _)| size.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1 << 10, "KiB"));
    format!("{}{name}", size / unit)
}
