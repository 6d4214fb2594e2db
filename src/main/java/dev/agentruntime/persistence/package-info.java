/**
 * Where sessions are kept: {@link dev.agentruntime.persistence.PersistenceAdapter}, the project's main integration point, and what it
 * stores. An implementation proves itself with {@code PersistenceContract}.
 */
package dev.agentruntime.persistence;
