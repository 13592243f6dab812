# Written for Debian's image; see docs/origin.md for how far it is tested.
FROM debian:bookworm-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates make python3 python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY . /opt/pycluster
RUN make -C /opt/pycluster linux \
 && useradd --system --create-home --home-dir /var/lib/pycluster pycluster \
 && ln -s /opt/pycluster/.venv/bin/pycluster /usr/local/bin/pycluster
USER pycluster
VOLUME /var/lib/pycluster
EXPOSE 7946/tcp 7946/udp 8080/tcp
ENTRYPOINT ["/opt/pycluster/agent", "-data-dir", "/var/lib/pycluster"]
CMD ["-config", "/etc/pycluster/cluster.conf", "-bind-address", "0.0.0.0", "-port", "7946"]
