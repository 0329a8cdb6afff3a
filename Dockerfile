# The application: worker, deploy steps and, for rehearsals, the simulator. One image, told apart by the command.
FROM python:3.11.15-slim AS dependencies
RUN python -m venv /opt/venv
COPY requirements-server.lock .
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
    -r requirements-server.lock

FROM python:3.11.15-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin sparkads \
    && install --directory --owner=sparkads /var/lib/sparkads/objects
COPY --from=dependencies /opt/venv /opt/venv
WORKDIR /app
COPY src/sparkads src/sparkads
COPY activities activities
COPY simulator simulator
COPY store store
COPY tiktok tiktok
COPY workers workers
COPY workflows workflows
# Run from its source tree: `workers` and its neighbours are too general names to be installed.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app:/app/src \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SPARKADS_OBJECT_STORE=file:///var/lib/sparkads/objects
USER sparkads
ENTRYPOINT ["python", "-m"]
CMD ["workers", "run"]
