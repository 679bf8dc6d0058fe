//! Limits of the component's store.

use wasmtime::{ResourceLimiter, Result};
use weft_manifest::Limits;

/// What the component ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Memory,
    Table,
}

/// One budget for all memories and one for all tables of a store.
#[derive(Debug)]
pub struct Budget {
    max_memory: usize,
    max_table: usize,
    instances: usize,
    memory: usize,
    table: usize,
    hit: Option<Limit>,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            max_memory: size(limits.memory),
            max_table: size(limits.table),
            instances: size(limits.instances),
            memory: 0,
            table: 0,
            hit: None,
        }
    }

    /// The first limit that refused growth.
    pub fn hit(&self) -> Option<Limit> {
        self.hit
    }

    fn refuse(&mut self, limit: Limit) -> bool {
        if self.hit.is_none() {
            self.hit = Some(limit);
            match limit {
                Limit::Memory => tracing::warn!("limit reached: {} MiB of memory", self.max_memory >> 20),
                Limit::Table => tracing::warn!("limit reached: {} table elements", self.max_table),
            }
        }
        false
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.max_memory {
            return Ok(self.refuse(Limit::Memory));
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let total = self.table.saturating_add(desired.saturating_sub(current));
        if total > self.max_table {
            return Ok(self.refuse(Limit::Table));
        }
        self.table = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_share_one_budget_and_all_tables_another() {
        let mut budget = Budget::new(&Limits { memory: 100, table: 10, ..Limits::default() });
        assert!(budget.memory_growing(0, 60, None).unwrap());
        assert!(!budget.memory_growing(0, 60, None).unwrap());
        assert!(budget.memory_growing(60, 100, None).unwrap());
        assert!(!budget.memory_growing(100, usize::MAX, None).unwrap());
        assert_eq!(budget.hit(), Some(Limit::Memory));
        assert!(budget.table_growing(0, 10, None).unwrap());
        assert!(!budget.table_growing(0, 1, None).unwrap());
        assert_eq!(budget.hit(), Some(Limit::Memory), "the first one is kept");
    }
}
