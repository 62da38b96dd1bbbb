"""Switchboard's core: it knows no platform and no database.

Reading order, each file needing only those before it:

    types          the nouns: Channel, Request, Prompt, Turn, Page …
    errors         what can go wrong, and what a person is told then
    events         what a model sends back, and the one fold over it
    pages, pacing  Markdown into messages; when the next call may go out (both pure)
    interfaces     the contract with platforms, gateways and databases
    prompt, policy history into a prompt; what may be asked (both pure)
    gateway/       the client of the model gateway, its wire formats, and the gateway in a box
    renderer       shows a growing reply
    conversations  the story of one answer
    commands/      what people can type
    switchboard    one request, from the claim to its stored end
    config, cli    the settings and the front door
"""
