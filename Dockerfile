# The service, for runs and bundles under /runs:
#   docker build -t tagfinder . && docker run -p 8000:8000 -v "$PWD/runs:/runs:ro" tagfinder /runs/mine
# CPU only. The user in the container is not root; any other (--user) can run it too.
FROM python:3.11-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml setup.cfg constraints.txt README.md ./
COPY tagfinder tagfinder
COPY conf conf
# A run with other parts needs theirs: --build-arg EXTRAS=serve,live,languages,omikuji
ARG EXTRAS=serve,neural,live,fasttext,postgres
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --constraint constraints.txt \
       --extra-index-url https://download.pytorch.org/whl/cpu ".[$EXTRAS]"

FROM python:3.11-slim
# LightGBM needs OpenMP's library.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --no-create-home --home-dir /cache --uid 10001 tagfinder \
    && mkdir --mode 1777 /cache
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH HOME=/cache TAGFINDER_CACHE=/cache/tagfinder
USER tagfinder
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["tagfinder", "serve", "--host", "0.0.0.0", "--port", "8000"]
