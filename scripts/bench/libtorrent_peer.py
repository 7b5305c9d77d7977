"""A BitTorrent node made of libtorrent-rasterbar: plain TCP on loopback, no discovery but the tracker
that the torrent names, if any, and the peer that the command line names.

libtorrent_peer.py TORRENT FOLDER PORT SETTINGS [PEER_PORT]

SETTINGS is a JSON object that is added to the settings of the session. Prints `whole` when every piece is
here and checked, and serves until SIGTERM; then prints `sent BYTES`, counting the bytes of pieces alone."""
import json
import os
import signal
import sys

import libtorrent

torrent, folder, port, settings, *peer_port = sys.argv[1:]
PLAINTEXT_ONLY = 2
session = libtorrent.session({
    "listen_interfaces": "127.0.0.1:" + port,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "allow_multiple_connections_per_ip": True,
    "out_enc_policy": PLAINTEXT_ONLY,
    "in_enc_policy": PLAINTEXT_ONLY,
    "alert_mask": libtorrent.alert.category_t.status_notification
    | libtorrent.alert.category_t.error_notification,
    **json.loads(settings),
})
parameters = libtorrent.add_torrent_params()
parameters.ti = libtorrent.torrent_info(torrent)
parameters.save_path = folder
parameters.flags &= ~(libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused)
handle = session.add_torrent(parameters)
for peer in peer_port:
    handle.connect_peer(("127.0.0.1", int(peer)))

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
is_whole = False
while not stopped:
    session.wait_for_alert(200)
    for alert in session.pop_alerts():
        if isinstance(alert, libtorrent.torrent_finished_alert) or (
            isinstance(alert, libtorrent.torrent_checked_alert) and handle.status().is_seeding
        ):
            if not is_whole:
                print("whole", flush=True)
            is_whole = True
        elif isinstance(alert, (libtorrent.torrent_error_alert, libtorrent.file_error_alert,
                                libtorrent.listen_failed_alert)):
            print(alert.message(), flush=True)
print("sent", handle.status().total_payload_upload, flush=True)
# The session would take leave of the tracker first, and wait for its answer.
os._exit(0)
