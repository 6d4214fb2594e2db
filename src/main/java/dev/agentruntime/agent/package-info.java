/**
 * What an agent is ({@link dev.agentruntime.agent.AgentProfile}) and how a kind of agent is run and how its output is read
 * ({@link dev.agentruntime.agent.AgentArchitecture}). To add a kind, implement that in a package of its own, prove it with
 * {@code AgentContract} and name it in {@code AgentRuntime}.
 */
package dev.agentruntime.agent;
