/** Copies everything from any store to any other: {@link dev.agentruntime.persistence.copy.StoreCopy}. */
package dev.agentruntime.persistence.copy;
