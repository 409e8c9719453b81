"""How requests are let in: authentication of linked services and of activities that call HTTP."""
