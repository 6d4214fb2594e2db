/** A store that keeps everything in memory and nothing beyond the process: {@code memory:}. */
package dev.agentruntime.persistence.memory;
