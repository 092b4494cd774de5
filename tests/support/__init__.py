"""What the namespace tests share: namespaces, the server under test, clients, and frames made with scapy."""
