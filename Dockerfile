# One image for all roles; the command says which: up (the default, everything in one container), poll, desk, web, sink.
# The role events needs the packages of the extra: --build-arg LOCK=requirements-events.lock.
# Pin the base by digest: --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:…, see examples/pin-images.sh.
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS build
ARG LOCK=requirements.lock
WORKDIR /src
COPY ${LOCK} pyproject.toml README.md LICENSE copydesk.py ./
RUN python -m venv /opt/copydesk && /opt/copydesk/bin/pip install --no-cache-dir --require-hashes -r ${LOCK}
COPY streams streams
COPY workers workers
RUN /opt/copydesk/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${PYTHON_IMAGE}
# A volume takes its owner from the folder that it covers: that must be there, and be the user's.
RUN useradd --system --user-group --create-home --home-dir /var/lib/copydesk --uid 10001 copydesk \
    && install -d -o copydesk -g copydesk -m 700 /var/lib/copydesk/data
COPY --from=build /opt/copydesk /opt/copydesk
ENV PATH=/opt/copydesk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 COPYDESK_DATA_DIR=/var/lib/copydesk/data \
    COPYDESK_WEB_HOST=0.0.0.0
EXPOSE 8411
USER copydesk
WORKDIR /var/lib/copydesk
STOPSIGNAL SIGTERM
ENTRYPOINT ["copydesk"]
CMD ["up"]
