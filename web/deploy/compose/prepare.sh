#!/bin/sh
# Makes what compose.yaml needs and no two installations may share: the key of
# the app, the certificate of NATS and its password. What is there is kept.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p data/n1 data/n2 data/n3
[ -e app.key ] || openssl rand -hex 32 > app.key
[ -e nats.crt ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout nats.key -out nats.crt -days 3650 \
  -subj /CN=nats -addext subjectAltName=DNS:nats1,DNS:nats2,DNS:nats3
if [ ! -e .env ]; then
  password=$(openssl rand -hex 32)
  cat > nats.accounts <<END
accounts {
  TIM {
    jetstream { max_file: 50GB } # what timd may store, all copies together
    users: [ { user: timd, password: "$password" } ]
  }
}
END
  # The containers run as whoever has made these files, who can read them.
  cat > .env <<END
TIM_USER=$(id -u):$(id -g)
NATS_PASSWORD=$password
#ALLOWED_ORIGIN=https://chat.example.com
END
fi
echo "ready: docker compose up -d"
