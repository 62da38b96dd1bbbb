"""The chat page in a real browser, on the real adapter, with a small core written by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web as http

from adapters.web import Web
from bot.commands import COMMANDS, Command
from bot.commands.context import Context
from bot.interfaces import Surface
from bot.types import (
    Action,
    Channel,
    Image,
    Message,
    Page,
    Request,
    Role,
    Status,
    Text,
    Turn,
    User,
)
from tests.browser import CHROMIUM, Browser, Tab
from tests.web_chat import Answerer, answered, page, png, ready, send, serving, settings

pytestmark = [
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium here: the page was not tried in a browser"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]

EVERYTHING = """\
# Title

Some **bold**, *italic*, ***both***, ~~gone~~, `a < b`, [a link](https://example.com/x?a=1&b=2)
and https://example.com/plain.

1. first
   - nested
     - deeper
2. second

- [x] done
- [ ] to do

> quoted **words**
> > inside

| Left | Right |
|:-----|------:|
| a \\| b | `1` |

```python
print("<b>")  # **not bold**
```

---

![a cat](https://example.com/cat.png)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as running:
        yield running


def says(*states: str, gate: asyncio.Event | None = None) -> Answerer:
    """A core that shows these states of one page, and waits for the gate before the last one."""

    async def script(_: Request, surface: Surface) -> None:
        for state in states:
            if gate is not None and state is states[-1]:
                await gate.wait()
            await surface.show(Page(0, state, final=state is states[-1]))

    return Answerer(script)


async def test_an_answer_grows_on_the_page_and_every_construct_is_rendered(
    browser: Browser,
) -> None:
    gate = asyncio.Event()
    states = [EVERYTHING[:40], EVERYTHING[:300], EVERYTHING]
    async with page(browser, says(*states, gate=gate)) as tab:
        await send(tab, "Show me everything")
        await tab.until("document.querySelector('.writing .markdown ol')")
        await tab.evaluate("document.querySelector('.markdown h2').mark = 'same node'")
        gate.set()
        await answered(tab)
        assert await tab.evaluate("document.querySelector('.markdown h2').mark") == "same node"
        count = "(selector) => document.querySelectorAll(`.markdown ${selector}`).length"
        found = await tab.evaluate(
            "Object.fromEntries(['h2', 'strong', 'em', 'del', 'ol > li', 'ul ul', 'li.task',"
            " 'blockquote blockquote', 'thead th', 'td.right', 'pre code', 'hr', 'img', 'a']"
            f".map((selector) => [selector, ({count})(selector)]))"
        )
        assert found == {
            "h2": 1,
            "strong": 3,
            "em": 2,
            "del": 1,
            "ol > li": 2,
            "ul ul": 1,
            "li.task": 2,
            "blockquote blockquote": 1,
            "thead th": 2,
            "td.right": 1,
            "pre code": 1,
            "hr": 1,
            "img": 0,
            "a": 3,
        }
        assert await tab.evaluate("document.querySelector('pre code').textContent") == (
            'print("<b>")  # **not bold**'
        )
        assert (
            await tab.evaluate("document.querySelector('.code .bar span').textContent") == "python"
        )
        await tab.click(".code .copy")
        await tab.until("document.querySelector('.code .copy').textContent === 'Copied'")
        link = "[...document.querySelectorAll('.markdown a')].map((a) => [a.href, a.rel, a.target])"
        assert (await tab.evaluate(link))[0] == [
            "https://example.com/x?a=1&b=2",
            "noopener noreferrer",
            "_blank",
        ]


async def test_thoughts_are_open_while_there_is_no_answer_and_folded_above_it(
    browser: Browser,
) -> None:
    gate = asyncio.Event()
    states = [
        "> 💭 *Thinking …*\n> The fox is **red**.",
        "> 💭 *Thought for 4 s*\n> The fox is **red**.\n\nIt stands out.",
    ]
    async with page(browser, says(*states, gate=gate)) as tab:
        await send(tab, "Why?")
        await tab.until("document.querySelector('.markdown details.thoughts')?.open === true")
        gate.set()
        await answered(tab)
        await tab.until("document.querySelector('.markdown details.thoughts')?.open === false")
        summary = await tab.evaluate("document.querySelector('.thoughts summary').textContent")
        assert summary == "💭 Thought for 4 s"
        assert await tab.evaluate("document.querySelector('.markdown > p').textContent") == (
            "It stands out."
        )


HOSTILE = [
    "<img src=x onerror='window.hacked = 1'>",
    "<script>window.hacked = 1</script></script>",
    "[click](javascript:window.hacked=1) [x](JaVaScRiPt:alert(1)) [y](\tjavascript:alert(1))",
    "[d](data:text/html,<script>alert(1)</script>) <javascript:alert(1)> [v](vbscript:x)",
    "[f](file:///etc/passwd) [r](/media/secret) [b](blob:http://x/y) [n](//evil.example)",
    "![x](https://evil.example/track.png) ![y](javascript:alert(1))",
    "<svg onload=alert(1)><iframe srcdoc='<script>window.hacked=1</script>'>",
    "**<b onmouseover=alert(1)>**`</code><img src=x>`",
    '```"><img src=x onerror=alert(1)>\n</code></pre><script>window.hacked=1</script>\n```',
    '[t](https://a.example "x\\" onclick=\\"alert(1)") &lt;script&gt; &#60;img src=x&#62;',
    "| <img src=x> | b |\n|--|--|\n| <script>window.hacked=1</script> | c |",
]


async def test_hostile_text_stays_text(browser: Browser) -> None:
    async with page(browser, says("\n\n".join(HOSTILE))) as tab:
        await send(tab, HOSTILE[0])
        await answered(tab)
        assert await tab.evaluate("window.hacked === undefined")
        elements = "[...new Set([...document.querySelectorAll('#log *')].map((e) => e.localName))]"
        allowed = {
            "article", "div", "p", "b", "br", "a", "strong", "code", "pre", "figure", "span",
            "button", "svg", "use", "table", "thead", "tbody", "tr", "th", "td",
        }  # fmt: skip
        assert set(await tab.evaluate(elements)) <= allowed
        handlers = (
            "[...document.querySelectorAll('#log *')].flatMap((e) => e.getAttributeNames())"
            ".filter((name) => name.startsWith('on') || name === 'style' || name === 'src')"
        )
        assert await tab.evaluate(handlers) == []
        links = await tab.evaluate(
            "[...document.querySelectorAll('.markdown a')].map((a) => a.href)"
        )
        assert links
        assert all(link.startswith("https://") for link in links)
        text = await tab.evaluate("document.querySelector('.markdown').textContent")
        assert HOSTILE[0] in text
        assert "[click](javascript:window.hacked=1)" in text


async def test_a_picture_appears_opens_and_can_be_kept(browser: Browser) -> None:
    async def draw(_: Request, surface: Surface) -> None:
        await surface.show(Page(0, "A calm sea"))
        picture = Image(png(640, 400), "image/png", "sea.png")
        await surface.show(Page(0, "A calm sea", media=[picture], final=True))

    async with page(browser, Answerer(draw)) as tab:
        await send(tab, "/image a calm sea")
        await tab.until("document.querySelector('.picture img')?.naturalWidth === 640")
        await tab.click(".picture")
        await tab.until("document.querySelector('#viewer').open")
        link = await tab.evaluate(
            "(() => { const a = document.querySelector('#viewer-download');"
            " return [a.download, a.pathname.startsWith('/media/')] })()"
        )
        assert link == ["sea.png", True]
        await tab.press("Escape")
        await tab.until("!document.querySelector('#viewer').open")


async def test_a_picture_is_attached_and_travels_with_its_message(
    browser: Browser, tmp_path: Path
) -> None:
    cat, text = tmp_path / "cat.png", tmp_path / "fake.png"
    cat.write_bytes(png(40, 40))
    text.write_text("I only say that I am a picture")
    core = Answerer()
    async with page(browser, core) as tab:
        await tab.choose_files("#file", cat)
        await tab.until("document.querySelector('#files li:not(.uploading)')")
        await send(tab, "What is this?")
        await answered(tab)
        await tab.until("document.querySelector('.said .picture img')?.naturalWidth === 40")
        assert await tab.evaluate("document.querySelector('#files').hidden")
        await tab.choose_files("#file", text)
        await tab.until("document.querySelector('#status').textContent.includes('fake.png is no')")
        await tab.until("document.querySelector('#files').hidden")
        assert len(tab.troubles) == 1, "the browser itself notes the refused upload"
        tab.troubles.clear()
    assert core.requests[0].attachments == (Image(png(40, 40), "image/png", "cat.png"),)


async def test_commands_and_their_values_complete_with_the_keyboard(browser: Browser) -> None:
    core = Answerer()
    offered = "[...document.querySelectorAll('#suggestions span')].map((s) => s.textContent)"
    async with page(browser, core) as tab:
        await tab.click("#text")
        await tab.type("/")
        await tab.until(f"{offered}.includes('/image')")
        await tab.type("mo")
        await tab.until(f"{offered}.join() === '/model'")
        await tab.press("Tab")
        await tab.until(f"{offered}.includes('demo-chat-slow')")
        assert await tab.evaluate("document.querySelector('#text').value") == "/model "
        await tab.type("chat")
        await tab.until(f"{offered}.length === 3 && document.querySelector('[aria-selected=true]')")
        await tab.press("ArrowDown")
        await tab.press("Enter")
        await tab.until("document.querySelector('#text').value === '/model demo-chat-slow'")
        await tab.until("document.querySelector('#suggestions').hidden")
        await tab.press("Enter")
        await answered(tab)
        await tab.type("/image a cat --asp")
        await tab.until(f"{offered}.join() === '--aspect_ratio'")
        await tab.press("Tab")
        await tab.until(f"{offered}.includes('16:9')")
        await tab.type("16")
        await tab.until(f"{offered}.join() === '16:9'")
        await tab.press("Enter")
        await tab.press("Enter")
        await answered(tab, 2)
    lines = [(request.command, request.text) for request in core.requests]
    assert lines == [("model", "demo-chat-slow"), ("image", "a cat --aspect_ratio 16:9")]


async def test_the_model_picker_shows_and_switches_the_model(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core) as tab:
        name = "document.querySelector('#model-name').textContent"
        assert await tab.evaluate(name) == "demo-chat"
        await tab.click("#model")
        await tab.until("document.querySelectorAll('#picker [role=option]').length === 4")
        await tab.type("other")
        await tab.until("document.querySelectorAll('#picker [role=option]').length === 1")
        await tab.press("Enter")
        await tab.until(f"{name} === 'other-chat'")
        assert not await tab.evaluate("document.querySelector('#picker').matches(':popover-open')")
    assert (core.requests[0].command, core.requests[0].text) == ("model", "other-chat")


async def test_after_a_break_the_page_comes_back_with_what_it_missed(browser: Browser) -> None:
    core = Answerer()
    async with serving(core) as web:
        port = int(web.address.rpartition(":")[2])
        tab = await browser.open(web.address)
        await ready(tab)
        await send(tab, "before")
        await answered(tab)
    question = Request(Channel("web", "", "general"), User("u", "Bo"), "another-1", "ask", "missed")
    reply = Message(Role.ASSISTANT, (Text("Meanwhile."),))
    core.turns["general"] = [Turn("turn-1", question, status=Status.DONE, reply=reply)]
    await tab.until("document.querySelector('#status').textContent.includes('Reconnecting')")
    await send(tab, "typed without a connection")
    await tab.until("document.querySelector('.said.pending')")
    assert len(core.requests) == 1
    async with serving(core, Web(settings(port=port))):
        await answered(tab, 2)
        await tab.until("document.querySelector('#status').textContent === ''")
        said = "[...document.querySelectorAll('.words')].map((node) => node.textContent)"
        assert await tab.evaluate(said) == ["missed", "typed without a connection"]
        assert [request.text for request in core.requests[1:]] == ["typed without a connection"]
        await tab.close()


async def test_two_tabs_see_the_same_conversation_live(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core) as one:
        address = await one.evaluate("location.href")
        two = await browser.open(address)
        await ready(two)
        await send(one, "from the first")
        await answered(two)
        await send(two, "from the second")
        await answered(one, 2)
        await answered(two, 2)
        words = (
            "[...document.querySelectorAll('.words, .markdown')].map((n) => n.textContent).join()"
        )
        assert await one.evaluate(words) == await two.evaluate(words)
        assert await two.evaluate("document.querySelectorAll('.said').length") == 2
        assert two.troubles == []
        await two.close()


WIDE = (
    "Long: "
    + "unbreakable" * 40
    + "\n\n`"
    + "code" * 60
    + "`\n\n```\n"
    + "wide " * 60
    + "\n```\n\n"
    "| " + " | ".join(f"a column {n}" for n in range(9)) + " |\n" + "|--" * 9 + "|\n"
    "| " + " | ".join("some words" for n in range(9)) + " |\n\nhttps://example.com/" + "path/" * 60
)


async def test_a_phone_never_scrolls_sideways(browser: Browser) -> None:
    async with page(browser, says(WIDE), width=320, height=640, phone=True) as tab:
        await send(tab, "very " + "long" * 60)
        await answered(tab)
        widths = (
            "[document.documentElement, document.body, document.querySelector('#scroll')]"
            ".map((node) => node.scrollWidth)"
        )
        assert max(await tab.evaluate(widths)) <= 320
        sticking_out = (
            "[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() &&"
            " !e.closest('pre, .table, .unseen, #side') && e.getBoundingClientRect().right > 320.5)"
            ".map((e) => e.outerHTML.slice(0, 80))"
        )
        assert await tab.evaluate(sticking_out) == []


async def test_on_a_phone_channels_are_in_a_drawer(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core, width=390, height=844, phone=True) as tab:
        gone = "!document.querySelector('#side').checkVisibility({visibilityProperty: true})"
        assert await tab.evaluate(gone)
        await tab.click("#menu")
        await tab.until("document.querySelector('#side').getBoundingClientRect().x === 0")
        await tab.press("Escape")
        await tab.until(gone)
        await tab.click("#menu")
        await tab.until("document.querySelector('#side').getBoundingClientRect().x === 0")
        await tab.click("#create-name")
        await tab.type("Night Shift!")
        await tab.press("Enter")
        await tab.until("document.querySelector('#title').textContent === 'night-shift'")
        await tab.until(gone)
        await ready(tab)
        await send(tab, "hello")
        await answered(tab)
    assert core.requests[0].channel.id == "night-shift"


async def test_channels_keep_their_own_talk_and_drafts(browser: Browser) -> None:
    async with page(browser, Answerer()) as tab:
        await send(tab, "said in general")
        await answered(tab)
        await tab.type("half a thought")
        await tab.click("#create-name")
        await tab.type("kitchen")
        await tab.press("Enter")
        await tab.until("document.querySelector('#empty').checkVisibility()")
        assert await tab.evaluate("location.hash") == "#kitchen"
        assert await tab.evaluate("document.querySelector('#text').value") == ""
        await tab.evaluate("history.back()")
        await tab.until("document.querySelector('.words')?.textContent === 'said in general'")
        assert await tab.evaluate("document.querySelector('#text').value") == "half a thought"
        channels = "[...document.querySelectorAll('#channels a')].map((a) => a.textContent)"
        assert {"general", "kitchen"} <= set(await tab.evaluate(channels))


async def test_reading_back_is_not_disturbed(browser: Browser) -> None:
    gate = asyncio.Event()
    lines = [f"Line {n}\n\n" for n in range(120)]
    core = says("".join(lines[:100]), "".join(lines), gate=gate)
    async with page(browser, core) as tab:
        await send(tab, "go")
        near_end = (
            "((s) => s.scrollHeight - s.scrollTop - s.clientHeight < 5)"
            "(document.querySelector('#scroll'))"
        )
        await tab.until(f"{near_end} && document.querySelector('.markdown')")
        await tab.evaluate("document.querySelector('#scroll').scrollTo(0, 400)")
        await tab.until("!document.querySelector('#latest').hidden")
        gate.set()
        await answered(tab)
        assert await tab.evaluate("document.querySelector('#scroll').scrollTop") == 400
        await tab.until("document.querySelector('#latest.news')")
        await tab.click("#latest")
        await tab.until(near_end)
        await tab.until("document.querySelector('#latest').hidden")


async def test_a_button_does_what_it_says(browser: Browser) -> None:
    async def offer(request: Request, surface: Surface) -> None:
        actions = [Action("Try again", "/help me")] if request.command == "ask" else []
        await surface.show(Page(0, request.command, actions=actions, final=True))

    core = Answerer(offer)
    async with page(browser, core) as tab:
        await send(tab, "go")
        await answered(tab)
        await tab.click(".controls .button")
        await answered(tab, 2)
        pressed = await tab.evaluate("document.querySelector('.pressed .words').textContent")
        assert pressed == "Try again"
    assert (core.requests[1].command, core.requests[1].text) == ("help", "me")


async def test_an_answer_is_stopped_with_the_button_that_sends(browser: Browser) -> None:
    stopped = asyncio.Event()

    async def work(request: Request, surface: Surface) -> None:
        if request.command == "stop":
            stopped.set()
        else:
            await surface.show(Page(0, "Once upon a time"))
            await stopped.wait()
            await surface.show(Page(0, "Once upon a time\n\n*Stopped.*", final=True))

    async def run(_: Context) -> None:
        raise AssertionError("the core above runs nothing")

    core = Answerer(work)
    commands = (*COMMANDS, Command("stop", "Stop the answer.", run))
    async with serving(core, Web(settings(), commands)) as web:
        tab = await browser.open(web.address)
        await ready(tab)
        await send(tab, "tell me a story")
        await tab.click("#send[aria-label=Stop]")
        await answered(tab)
        await tab.until("document.querySelector('.markdown em')?.textContent === 'Stopped.'")
        await tab.until("document.querySelector('#send').disabled")
        await tab.close()
    assert core.requests[1].command == "stop"


async def test_the_keyboard_writes_lines_and_the_page_says_what_to_type(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core) as tab:
        await tab.until("document.activeElement.id === 'text'")
        height = "document.querySelector('#text').offsetHeight"
        one_line = await tab.evaluate(height)
        assert await tab.evaluate("document.querySelectorAll('#examples button').length") == 3
        await tab.click("#examples button")
        assert "rainbow" in await tab.evaluate("document.querySelector('#text').value")
        await tab.press("Enter", shift=True)
        await tab.type("Please.")
        assert await tab.evaluate(height) > one_line
        await tab.press("Enter")
        await answered(tab)
        assert await tab.evaluate(height) == one_line
        assert not await tab.evaluate("document.querySelector('#empty').checkVisibility()")
        spoken = "document.querySelector('#announcer').textContent"
        assert (await tab.evaluate(spoken)).startswith("You said: ")
    assert core.requests[0].text.endswith("\nPlease.")


async def test_a_name_is_remembered(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core) as tab:
        await send(tab, "as nobody")
        await answered(tab)
        await tab.click("#name")
        await tab.type("Ada")
        await tab.press("Enter")
        await tab.evaluate("window.isOld = true")
        await tab.call("Page.reload")
        await tab.until("!window.isOld && document.readyState === 'complete'")
        await tab.until("document.querySelector('#name')?.value === 'Ada'")
        await ready(tab)
        await send(tab, "as Ada")
        await answered(tab, 2)
        await tab.evaluate("localStorage.clear()")
    assert [request.user.name for request in core.requests] == ["", "Ada"]
    assert core.requests[0].user.id == core.requests[1].user.id


async def test_a_refused_message_says_why(browser: Browser) -> None:
    async with page(browser, Answerer()) as tab:
        await tab.evaluate("document.querySelector('#text').maxLength = 99999")
        await send(tab, "x" * 32_001)
        await tab.until("document.querySelector('.said .trouble')?.textContent.includes('32,000')")


async def test_a_link_on_another_site_lets_in_whoever_has_the_token(browser: Browser) -> None:
    """Strict cookies are held back on redirects that other sites begin; ours still arrives."""
    async with serving(Answerer(), Web(settings(token="s3cret"))) as web:

        async def linking(_: http.Request) -> http.Response:
            body = f'<a id="link" href="{web.address}/?token=s3cret">the chat</a>'
            return http.Response(text=body, content_type="text/html")

        app = http.Application()
        app.router.add_get("/", linking)
        runner = http.AppRunner(app)
        await runner.setup()
        try:
            await http.TCPSite(runner, "127.0.0.1", 0).start()
            tab = await browser.open(f"http://localhost:{runner.addresses[0][1]}/")
            await tab.click("#link")
            await tab.until("document.title.startsWith('#general') && !location.search")
            await ready(tab)
            await tab.close()
        finally:
            await runner.cleanup()


TREE = """
(async (text, open) => {
  const { paint } = await import("/static/markdown.js");
  const box = document.createElement("div");
  const tree = (node) => node.nodeType === 3 ? node.data
    : `<${node.localName}>${[...node.childNodes].map(tree).join("")}</>`;
  paint(box, text, open);
  return [...box.childNodes].map(tree).join("");
})
"""


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a\nb", "<p>a<br></>b</>"),
        ("snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</>"),
        ("**bold *both* bold**", "<p><strong>bold <em>both</> bold</></>"),
        ("*a **b***", "<p><em>a <strong>b</></></>"),
        ("**重要**です", "<p><strong>重要</>です</>"),
        ("**open *inner*", "<p>**open <em>inner</></>"),
        ("\\*plain\\* ``a`b``", "<p>*plain* <code>a`b</></>"),
        ("`unclosed", "<p>`unclosed</>"),
        ("(see https://x.example/a_(b)).", "<p>(see <a>https://x.example/a_(b)</>).</>"),
        ("[**b**](https://x.example)", "<p><a><strong>b</></></>"),
        ("[a](nowhere) [b]", "<p>[a](nowhere) [b]</>"),
        ("# A #\n## B", "<h2>A</><h3>B</>"),
        ("#hash", "<p>#hash</>"),
        ("- a\n  b\n- c\n\nd", "<ul><li><p>a<br></>b</></><li><p>c</></></><p>d</>"),
        ("1. a\n  - b\n2. c", "<ol><li><p>a</><ul><li><p>b</></></></><li><p>c</></></>"),
        ("- a\n1. b", "<ul><li><p>a</></></><ol><li><p>b</></></>"),
        ("In\n1999. no list", "<p>In<br></>1999. no list</>"),
        ("- a\n  ```\n  x\n\n   y\n  ```", None),
        ("> a\nb\n\nc", "<blockquote><p>a<br></>b</></><p>c</>"),
        ("a | b\n--|--\n1", "<div><table><thead><tr><th>a</><th>b</></></><tbody></></></><p>1</>"),
        ("a | b", "<p>a | b</>"),
        ("***", "<hr></>"),
        ("&lt;b&gt; &copy; &#0;", "<p><b> &copy; \ufffd</>"),
        ("a<br>b", "<p>a<br></>b</>"),
    ],
)
async def test_markdown_becomes_the_right_nodes(reader: Tab, text: str, tree: str | None) -> None:
    found = await reader.evaluate(f"({TREE})({json.dumps(text)}, false)")
    if tree is None:
        assert "<code>x\n\n y</>" in found
    else:
        assert found == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("This is **bo", "<p>This is <strong>bo</></>"),
        ("This is **", "<p>This is </>"),
        ("Use `co", "<p>Use <code>co</></>"),
        ("See [the docs](https://exa", "<p>See the docs</>"),
        ("2 * 3", "<p>2 * 3</>"),
    ],
)
async def test_what_is_half_written_looks_as_it_will(reader: Tab, text: str, tree: str) -> None:
    assert await reader.evaluate(f"({TREE})({json.dumps(text)}, true)") == tree


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(browser: Browser) -> AsyncIterator[Tab]:
    """A tab that is only there for its markdown.js."""
    async with serving(Answerer()) as web:
        tab = await browser.open(web.address)
        yield tab
        await tab.close()


async def test_growing_by_any_steps_ends_as_painting_at_once(reader: Tab) -> None:
    grown = await reader.evaluate(f"""(async (text) => {{
      const {{ paint }} = await import("/static/markdown.js");
      const [grown, whole] = [document.createElement("div"), document.createElement("div")];
      for (let end = 1; end < text.length; end++) paint(grown, text.slice(0, end), true);
      paint(grown, text);
      paint(whole, text);
      return [grown.isEqualNode(whole), whole.childNodes.length];
    }})({json.dumps(EVERYTHING)})""")
    assert grown == [True, 9]


HARD: Sequence[str] = (
    "*a",
    "*a _b ",
    "[",
    "[a](",
    "`" * 3 + "a",
    "> ",
    "- ",
    "![",
    "~~x",
    "|a",
    "<",
    "(",
)


async def test_no_text_of_a_page_takes_long_to_paint(reader: Tab) -> None:
    """Thirty thousand characters of what nobody writes; the second is for slow machines."""
    texts = [piece * (30_000 // len(piece)) for piece in HARD]
    texts += ["".join("  " * n + "- a\n" for n in range(150)), "a | b\n--|--\n" + "c | d\n" * 5_000]
    slowest = await reader.evaluate(f"""(async (texts) => {{
      const {{ paint }} = await import("/static/markdown.js");
      return Math.max(...texts.map((text) => {{
        const begun = performance.now();
        paint(document.createElement("div"), text, true);
        return performance.now() - begun;
      }}));
    }})({json.dumps(texts)})""")
    assert slowest < 1000
