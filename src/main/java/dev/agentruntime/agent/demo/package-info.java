/**
 * The demo agent: a scripted agent that needs no account and no network.
 *
 * <p>{@link dev.agentruntime.agent.demo.DemoAgent} is a process of its own that takes Claude Code's command line, speaks Claude Code's
 * stream-json on stdin and stdout and saves Claude Code's transcripts, so that everything between it and a client is the production path.
 * {@link dev.agentruntime.agent.demo.DemoLanguage} has the words that it understands. It uses nothing but the JDK and jackson-core, for
 * a quick start and a small process.
 */
package dev.agentruntime.agent.demo;
