//! Limits of the component's store.

use wasmtime::{ResourceLimiter, Result};

/// Elements of all tables together; an element is 8 bytes of the host.
const TABLE_ELEMENTS: usize = 1_000_000;
const INSTANCES: usize = 1_000;
const MEMORIES: usize = 100;
const TABLES: usize = 1_000;

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
    memory: usize,
    tables: usize,
    hit: Option<Limit>,
}

impl Budget {
    /// `max_memory` in bytes.
    pub fn new(max_memory: u64) -> Self {
        let max_memory = usize::try_from(max_memory).unwrap_or(usize::MAX);
        Self { max_memory, memory: 0, tables: 0, hit: None }
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
                Limit::Table => tracing::warn!("limit reached: {TABLE_ELEMENTS} table elements"),
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
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            return Ok(self.refuse(Limit::Table));
        }
        self.tables = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }

    fn tables(&self) -> usize {
        TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_share_one_budget() {
        let mut budget = Budget::new(100);
        assert!(budget.memory_growing(0, 60, None).unwrap());
        assert!(!budget.memory_growing(0, 60, None).unwrap());
        assert!(budget.memory_growing(60, 100, None).unwrap());
        assert!(!budget.memory_growing(100, usize::MAX, None).unwrap());
        assert_eq!(budget.hit(), Some(Limit::Memory));
        assert!(budget.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(!budget.table_growing(0, 1, None).unwrap());
        assert_eq!(budget.hit(), Some(Limit::Memory), "the first one is kept");
    }
}
