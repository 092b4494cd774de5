"""What bench/compare is made of: network, servers, load, report."""
