/** Stores in SQL databases: one implementation, a small dialect for each. */
package dev.agentruntime.persistence.sql;
