package dev.agentruntime.agent;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * @param sessionId a UUID
 * @param workspace absolute path in the sandbox; the agent's working directory
 * @param home absolute path in the sandbox; the agent's private files
 * @param resume whether the agent has a saved conversation, already put back into its place, to go on with
 * @param equipped whether the sandbox has what {@link AgentArchitecture#needs} lists; else the agent is the server's own, or is installed
 * @param supplied absolute path of the folder where the files that {@link AgentArchitecture#needs} lists lie; {@code null} if the agent has to
 *     bring them
 */
public record LaunchRequest(String sessionId, AgentProfile profile, ObjectNode sessionOptions, String workspace, String home,
                            boolean resume, boolean equipped, String supplied) {}
