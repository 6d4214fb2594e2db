/**
 * Where sessions are kept: {@link dev.agentruntime.persistence.PersistenceAdapter}, the project's main integration point, and what it
 * stores. An implementation proves itself with {@code PersistenceContract}; {@link dev.agentruntime.persistence.BlobPersistence} is a base
 * class for stores that can keep named bytes.
 */
package dev.agentruntime.persistence;
