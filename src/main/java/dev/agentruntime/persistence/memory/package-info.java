/** A store that forgets: {@code memory:}. */
package dev.agentruntime.persistence.memory;
