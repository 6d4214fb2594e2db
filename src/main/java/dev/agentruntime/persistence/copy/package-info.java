/** Copies everything from one store to another, whatever the two are: {@link dev.agentruntime.persistence.copy.StoreCopy}. */
package dev.agentruntime.persistence.copy;
