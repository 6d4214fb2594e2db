package dev.agentruntime.sandbox;

/** What every sentence of the sandbox SPI promises, as tests. A provider's own test extends this and says how it is made. */
public abstract class SandboxContract extends ProcessContract {}
