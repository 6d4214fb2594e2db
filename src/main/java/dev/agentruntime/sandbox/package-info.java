/**
 * Where agents run. To add a kind of sandbox, implement {@link dev.agentruntime.sandbox.SandboxProvider} in a package of its own, prove it
 * with {@code SandboxContract} and name it in {@code AgentRuntime}. Depends on no other package of the project.
 */
package dev.agentruntime.sandbox;
