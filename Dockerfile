# The image holds Python, the locked dependencies and Switchboard; it runs without root and needs
# no writable file system but /data.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/switchboard
COPY requirements/run.txt requirements/
RUN /opt/switchboard/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY adapters adapters
COPY storage storage
RUN /opt/switchboard/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --user-group --uid 10001 --home-dir /data --create-home switchboard
COPY --from=build /opt/switchboard /opt/switchboard
# By number, so that an orchestrator can tell that it is not root.
USER 10001
WORKDIR /data
VOLUME /data
# The web chat answers inside the container only, for the health check. To reach it from outside, set
# WEB_HOST=0.0.0.0 and WEB_TOKEN, and publish the port.
ENV PATH=/opt/switchboard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    STORAGE_URL=sqlite:////data/switchboard.db \
    WEB_HOST=127.0.0.1 \
    WEB_PORT=8080 \
    LOG_FORMAT=json
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['WEB_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["switchboard"]
CMD ["run"]
