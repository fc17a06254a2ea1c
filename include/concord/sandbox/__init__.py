"""Stand-ins for everything that Concord normally finds around it: for the demo and the tests.

``postgres`` an embedded server · ``roster`` an employer's people, from a seed · ``sftp`` the
employer's SFTP server · ``airflow`` Airflow as four supervised processes · ``api`` its REST
interface · ``state`` what an installation keeps on disk · ``demo`` three days of deliveries.
"""
