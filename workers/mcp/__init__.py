"""The MCP server: articles as tools and resources for language models (Model Context Protocol, 2026-07-28)."""
