/**
 * Sandboxes and an agent in memory, for tests of what sessions make of them: they do what they are told at once, keep count of what
 * they were told, and can be made to hang, die and vanish.
 */
package dev.agentruntime.support.toy;
