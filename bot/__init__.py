"""Switchboard's core: it knows no platform and no database.

Reading order, each file needing only those before it:

    types          the nouns: Channel, Request, Prompt, Turn, Page …
    errors         what can go wrong, and what a person is told then
    events         what a model sends back, and the one fold over it
    markdown, sheet, pages  Markdown into messages (pure)
    pacing         when the next call may go out, and whose (pure)
    interfaces     the contract with platforms, gateways and databases
    prompt, policy, settings  history into a prompt; what may be asked; what was chosen (all pure)
    gateway/       the client of the model gateway, its wire formats, and the gateway in a box
    scheduler      one queue before all the limits that replies share
    renderer       shows a growing reply
    lines          who is answered when
    conversations  the story of one answer
    commands/      what people can type
    switchboard    one request, from the claim to its stored end; and what was left
    serving        every adapter, watched over
    config, cli    the settings and the front door
"""
